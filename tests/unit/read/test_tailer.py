"""The shared end of the log answers what the log itself would."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from twofold.adapters.memory.log import open_memory_log
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.store import EventStore, Log, LogFilter
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write
from twofold.read.tailer import EVENT_BYTES, Tailer
from twofold.testing.faults import NoFaults, faulty

ID = bytes(16)


@pytest.fixture
async def log() -> AsyncIterator[Log]:
    opened = open_memory_log()
    yield opened
    await opened.close()


async def append(events: EventStore, *types: str, size: int = 10) -> None:
    new = tuple(NewEvent(name, 1, b"x" * size, random.randbytes(16)) for name in types)
    await events.append([Write((StreamWrite("a-1", ANY_VERSION, new),), None, ID, ID, b"{}")])


async def positions(source: Tailer | EventStore, after: int, where: LogFilter, limit: int) -> list[int]:
    found: list[int] = []
    while True:
        page = await source.read_log(after, where=where, limit=limit)
        found += [event.position for event in page.events]
        if page.at_head and page.reached == after:
            return found
        after = page.reached


async def test_readers_at_the_head_share_one_read_of_the_log(log: Log) -> None:
    plan = NoFaults()
    tailer = Tailer(faulty(log.events, plan))
    await tailer.read_log(0)
    await append(log.events, "A", "B", "A")
    before = plan.calls.count("read_log")

    pages = [await tailer.read_log(0, where=LogFilter(types=frozenset({name}))) for name in ("A", "B", "C")]

    assert [len(page.events) for page in pages] == [2, 1, 0]
    assert [page.reached for page in pages] == [3, 3, 3]
    assert plan.calls.count("read_log") == before + 1


async def test_a_reader_behind_the_window_reads_the_log_itself(log: Log) -> None:
    await append(log.events, *["A"] * 5)
    tailer = Tailer(log.events)

    page = await tailer.read_log(2, limit=2)

    assert [event.position for event in page.events] == [3, 4]
    assert not page.at_head


async def test_events_without_data_fill_the_window_too(log: Log) -> None:
    plan = NoFaults()
    tailer = Tailer(faulty(log.events, plan), keep_bytes=20 * EVENT_BYTES)
    await tailer.read_log(0)
    await append(log.events, *["A"] * 30, size=0)
    await tailer.read_log(0)
    before = plan.calls.count("read_log")

    behind, near = await tailer.read_log(0), await tailer.read_log(25)

    assert (behind.events[0].position, near.events[0].position) == (1, 26)
    assert plan.calls.count("read_log") == before + 1


@pytest.mark.parametrize("seed", range(20))
async def test_it_answers_what_the_log_would_while_both_grow(log: Log, seed: int) -> None:
    rng = random.Random(seed)
    tailer = Tailer(log.events, keep_bytes=20 * EVENT_BYTES)
    after, seen = 0, []
    where = LogFilter(types=frozenset({"A", "C"}))
    for _ in range(60):
        if rng.random() < 0.5:
            await append(log.events, *rng.choices("ABC", k=rng.randint(1, 9)), size=rng.randint(1, 60))
        page = await tailer.read_log(after, where=where, limit=rng.randint(1, 5), max_bytes=rng.randint(1, 120))
        assert page.reached >= after, f"seed {seed}"
        seen += [event.position for event in page.events]
        after = page.reached
    seen += await positions(tailer, after, where, 3)

    assert seen == await positions(log.events, 0, where, 100), f"seed {seed}"
