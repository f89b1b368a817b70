"""Positions by time and versions by position, found in few reads, gaps or not."""

from __future__ import annotations

import os
import random
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from twofold.adapters.memory.log import open_memory_log
from twofold.errors import MomentUnknownError
from twofold.event_store.moment import position_at, read_moment, version_at
from twofold.event_store.recorded_event import LogPage, Mark, NewEvent, RecordedEvent
from twofold.event_store.store import EventStore
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write

SEED = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
ID = bytes(16)


def event(position: int, recorded_at: int) -> RecordedEvent:
    return RecordedEvent(position, "a-1", 1, "X", 1, b"{}", ID, ID, ID, recorded_at)


class SparseLog:
    """A log with gaps between its positions, read in windows of so many positions; it counts its reads."""

    def __init__(self, events: list[RecordedEvent], window: int) -> None:
        self.events, self.window, self.reads = events, window, 0

    async def mark(self, position: int | None = None) -> Mark:
        found = [each.position for each in self.events if position is None or each.position <= position]
        return Mark("epoch", found[-1] if found else 0, bytes(8))

    async def read_log(self, below: int, *, limit: int, backwards: bool) -> LogPage:
        assert backwards
        self.reads += 1
        top = min((await self.mark()).position, below - 1)
        bottom = max(0, top - self.window)
        found = [each for each in reversed(self.events) if bottom < each.position <= top][:limit]
        reached = found[-1].position if found else bottom + 1
        return LogPage(found, reached, reached <= 1)


@st.composite
def logs(draw: st.DrawFn) -> list[RecordedEvent]:
    gaps = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), max_size=30))
    events, position, at = [], 0, 10
    for gap, later in gaps:
        position, at = position + gap, at + later
        events.append(event(position, at))
    return events


@seed(SEED)
@settings(max_examples=300, deadline=None, print_blob=True)
@given(logs(), st.integers(8, 80), st.integers(1, 20))
async def test_the_position_at_a_time_is_that_of_the_last_event_recorded_by_then(
    events: list[RecordedEvent], micros: int, window: int
) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    expected = max((each.position for each in events if each.recorded_at <= micros), default=0)

    assert await position_at(cast("EventStore", SparseLog(events, window)), micros) == expected


async def test_a_planted_search_by_places_of_a_log_with_gaps_is_found_out() -> None:
    events = [event(2, 10), event(9, 20)]
    by_place = bisect_right([each.recorded_at for each in events], 10)

    assert await position_at(cast("EventStore", SparseLog(events, 100)), 10) != by_place


async def test_a_time_is_found_in_as_many_reads_as_the_head_has_binary_digits() -> None:
    events = [event(number, number // 3) for number in range(1, 100_001)]
    for micros in (0, 1, 16_384, 33_332, 33_333, 10**6):
        log = SparseLog(events, 10**6)
        log.mark = _counted_mark(100_000)  # type: ignore[method-assign]
        log.read_log = _quick_read(log)  # type: ignore[method-assign]

        await position_at(cast("EventStore", log), micros)

        assert log.reads <= 18


def _counted_mark(head: int) -> Any:
    async def mark(position: int | None = None) -> Mark:
        return Mark("epoch", head if position is None else position, bytes(8))

    return mark


def _quick_read(log: SparseLog) -> Any:
    async def read_log(below: int, **_: Any) -> LogPage:
        log.reads += 1
        return LogPage([log.events[below - 2]], below - 1, at_head=False)

    return read_log


async def test_the_version_at_a_position_counts_the_streams_events_up_to_it() -> None:
    log = open_memory_log()
    rng = random.Random(SEED)
    print(f"TWOFOLD_SEED={SEED}")
    names = [rng.choice(["a-1", "a-2", "b-1"]) for _ in range(60)]
    for number, name in enumerate(names):
        new = NewEvent("X", 1, b"{}", number.to_bytes(16, "big"))
        await log.events.append([Write((StreamWrite(name, ANY_VERSION, (new,)),), None, ID, ID, b"{}")])

    for name in ("a-1", "a-2", "b-1", "unheard-1"):
        for position in range(61):
            assert await version_at(log.events, name, position) == names[:position].count(name)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0),
        ("42", 42),
        ("2026-11-21T09:30:00Z", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        ("2026-11-21T09:30:00.5+02:00", datetime(2026, 11, 21, 7, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-11-21", datetime(2026, 11, 21)),  # noqa: DTZ001 - the doors decide on the zone
        ("ZXBvY2guMTIzLjAwMDAwMDAwMDAwMDAwMDA", "ZXBvY2guMTIzLjAwMDAwMDAwMDAwMDAwMDA"),
    ],
)
def test_a_moment_is_read_from_text(text: str, moment: object) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize("text", ["", "-1", "1.5", "now", "2026-02-30", "2026-11-21T25:00Z", "²", "9" * 20, "a b" * 20])
def test_other_text_is_no_moment(text: str) -> None:
    with pytest.raises(MomentUnknownError, match="is no moment"):
        read_moment(text)


def test_a_time_comes_back_from_its_own_text() -> None:
    moment = datetime(2026, 11, 21, 9, 30, tzinfo=UTC) + timedelta(microseconds=7)

    assert read_moment(moment.isoformat()) == moment
