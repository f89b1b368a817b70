"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime

from twofold.clock import to_micros

_START = to_micros(datetime(2026, 1, 1, tzinfo=UTC))


class ManualClock:
    """A Clock whose time passes only by `advance` and `set_back`. It starts at 2026-01-01T00:00:00Z."""

    def __init__(self, now_micros: int = _START) -> None:
        self._now = now_micros
        self._monotonic = 0.0

    def now_micros(self) -> int:
        """Microseconds since 1970, as far as the test has moved them."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that the test has let pass."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass; raises ValueError when *seconds* is negative."""
        if seconds < 0:
            raise ValueError("time passes forwards; set_back() is what an operator does to a wall clock")
        self._now += round(seconds * 1_000_000)
        self._monotonic += seconds

    def set_back(self, seconds: float) -> None:
        """Let the wall clock jump back, as a machine's may; monotonic time stays."""
        self._now -= round(seconds * 1_000_000)
