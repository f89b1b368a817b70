"""Time passes when the test says so."""

from __future__ import annotations

import pytest

from twofold.clock import to_datetime
from twofold.testing.clock import ManualClock


def test_time_stands_still_until_it_is_moved() -> None:
    clock = ManualClock()

    assert clock.now_micros() == clock.now_micros()
    assert to_datetime(clock.now_micros()).isoformat() == "2026-01-01T00:00:00+00:00"


def test_both_times_advance_together() -> None:
    clock = ManualClock(now_micros=0)

    clock.advance(1.5)

    assert (clock.now_micros(), clock.monotonic()) == (1_500_000, 1.5)


def test_only_the_wall_clock_jumps_back() -> None:
    clock = ManualClock(now_micros=10_000_000)

    clock.set_back(3)

    assert (clock.now_micros(), clock.monotonic()) == (7_000_000, 0.0)


def test_time_does_not_advance_backwards() -> None:
    with pytest.raises(ValueError, match="forwards"):
        ManualClock().advance(-1)
