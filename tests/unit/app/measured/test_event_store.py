"""Batches on their way into the log are timed and sized; everything else goes straight through."""

from __future__ import annotations

import pytest

from tests.unit.app.measured.readings import values
from twofold.adapters.memory.log import open_memory_log
from twofold.app.measured.event_store import AppendMeasures, MeasuredEventStore
from twofold.errors import ClosedError
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write


def write(stream: str, events: int, expected: int = ANY_VERSION) -> Write:
    new = tuple(NewEvent("Paid", 1, b"{}", f"{stream}{number:08}".encode()) for number in range(events))
    return Write((StreamWrite(stream, expected, new),), None, bytes(16), bytes(16), b"{}")


async def test_a_batch_is_timed_once_however_many_writes_it_has() -> None:
    log, measures = open_memory_log(), AppendMeasures()
    store = MeasuredEventStore(log.events, measures)

    await store.append([write("accounta", 3), write("accountb", 2, expected=7), write("accountc", 1)])

    assert values(measures.families(), "twofold_append_writes") == {(): 3}
    assert values(measures.families(), "twofold_append_duration_seconds") == {(): 1}
    assert values(measures.families(), "twofold_append_failures") == {}
    assert (await store.mark()).position == (await log.events.mark()).position == 4


async def test_a_batch_that_fails_is_counted_as_one_that_failed() -> None:
    log, measures = open_memory_log(), AppendMeasures()
    store = MeasuredEventStore(log.events, measures)
    await log.close()

    with pytest.raises(ClosedError):
        await store.append([write("accounta", 1)])

    assert values(measures.families(), "twofold_append_failures") == {(): 1}
    assert values(measures.families(), "twofold_append_writes") == {}


async def test_the_epoch_is_that_of_the_log_also_after_it_was_renewed() -> None:
    log = open_memory_log()
    store = MeasuredEventStore(log.events, AppendMeasures())

    await log.renew_epoch()

    assert store.epoch == log.events.epoch
