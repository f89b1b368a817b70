"""Waiting for the log to grow."""

from __future__ import annotations

import asyncio

import pytest

from twofold.errors import ClosedError
from twofold.event_store.store import EventStore
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import append, append_to, new_stream, outcome, write

SOON = 10.0
AT_ONCE = 0.02


class ClockContract:
    """`now` is the clock that `recorded_at` comes from."""

    async def test_an_event_is_as_old_as_the_time_that_has_passed_since(
        self, event_store: EventStore, clock: ManualClock
    ) -> None:
        await append_to(event_store, new_stream(), 1)
        (recorded,) = (await event_store.read_log(0, limit=1, backwards=True)).events

        clock.advance(5)

        assert await event_store.now() - recorded.recorded_at == 5_000_000

    async def test_what_is_appended_now_is_recorded_no_earlier(
        self, event_store: EventStore, clock: ManualClock
    ) -> None:
        clock.set_back(60)
        before = await event_store.now()

        await append_to(event_store, new_stream(), 1)

        (recorded,) = (await event_store.read_log(0, limit=1, backwards=True)).events
        assert recorded.recorded_at >= before


class WaitContract:
    """`wait` may be late but is never wrong."""

    async def test_waiting_for_what_is_there_returns_at_once(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 3)
        head = (await event_store.mark()).position

        assert await event_store.wait(head - 1, 0)
        assert await event_store.wait(0, SOON)

    async def test_waiting_in_vain_ends_with_the_time_out(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 3)
        head = (await event_store.mark()).position

        assert not await event_store.wait(head, 0)
        assert not await event_store.wait(head, AT_ONCE)
        assert not await event_store.wait(head + 5, AT_ONCE)

    async def test_an_append_wakes_everyone_who_waits_for_it(self, event_store: EventStore) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(event_store.wait(0, SOON)) for _ in range(5)]
            await asyncio.sleep(0)
            await append_to(event_store, new_stream(), 1)

        assert all(task.result() for task in waiting)

    async def test_an_append_below_the_wanted_position_wakes_nobody_for_good(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 1)
        head = (await event_store.mark()).position

        async with asyncio.TaskGroup() as tasks:
            enough = tasks.create_task(event_store.wait(head + 1, SOON))
            await asyncio.sleep(0)
            await append_to(event_store, new_stream(), 1)
            in_vain = tasks.create_task(event_store.wait(head + 1, AT_ONCE))
            assert not await in_vain
            await append_to(event_store, new_stream(), 1)

        assert enough.result()

    async def test_an_outcome_without_events_is_not_growth(self, event_store: EventStore) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(event_store.wait(0, AT_ONCE))
            await asyncio.sleep(0)
            await append(event_store, write(outcome=outcome()))

        assert not waiting.result()

    async def test_a_cancelled_wait_is_gone(self, event_store: EventStore) -> None:
        waiting = asyncio.ensure_future(event_store.wait(0, SOON))
        await asyncio.sleep(0)

        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        await append_to(event_store, new_stream(), 1)

    async def test_closing_ends_a_wait(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        waiting = asyncio.ensure_future(log.events.wait(0, SOON))
        await asyncio.sleep(0)

        await log.close()

        try:
            grown = await waiting
        except ClosedError:
            return
        assert not grown

    async def test_the_commit_of_another_process_is_found(self, log_backend: LogBackend) -> None:
        log, other = await log_backend.open(), await log_backend.open()
        is_shared = log_backend.capabilities.shared

        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(log.events.wait(0, SOON if is_shared else AT_ONCE))
            await asyncio.sleep(0)
            await append_to(other.events, new_stream(), 1)

        assert waiting.result() is is_shared
        await log.close()
        await other.close()
