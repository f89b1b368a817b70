"""Marks: which log, up to where, and proof of it."""

from __future__ import annotations

from twofold.event_store.recorded_event import NO_CHECK, Mark, check_of
from twofold.event_store.store import EventStore
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import append_to, new_stream


class MarkContract:
    """A mark tells this log from every other, and from an older copy of itself."""

    async def test_the_mark_of_an_empty_log_is_at_the_start(self, event_store: EventStore) -> None:
        start = Mark(event_store.epoch, 0, NO_CHECK)

        assert await event_store.mark() == start
        assert await event_store.mark(0) == start
        assert await event_store.mark(17) == start

    async def test_the_mark_of_the_head_is_that_of_the_last_event(self, event_store: EventStore) -> None:
        given = await append_to(event_store, new_stream(), 3)
        (*_, last) = (await event_store.read_log(0)).events

        assert await event_store.mark() == Mark(event_store.epoch, last.position, check_of(given[-1].message_id))

    async def test_the_mark_of_a_position_is_that_of_the_event_there(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 3)

        for at in (await event_store.read_log(0)).events:
            assert await event_store.mark(at.position) == Mark(event_store.epoch, at.position, check_of(at.message_id))

    async def test_the_mark_of_a_position_behind_the_head_is_the_heads(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 3)
        head = await event_store.mark()

        assert await event_store.mark(head.position + 100) == head

    async def test_every_store_has_an_epoch_of_its_own(self, log_backend: LogBackend) -> None:
        """A token is taken apart at its dots, so an epoch has none."""
        log = await log_backend.open()
        other = await log_backend.open()
        is_one_store = log_backend.capabilities.shared

        assert log.events.epoch
        assert "." not in log.events.epoch
        assert (log.events.epoch == other.events.epoch) is is_one_store
        await log.close()
        await other.close()

    async def test_a_renewed_epoch_ends_the_marks_of_the_old_one_and_keeps_the_events(
        self, log_backend: LogBackend
    ) -> None:
        log = await log_backend.open()
        await append_to(log.events, new_stream(), 2)
        before, events = await log.events.mark(), (await log.events.read_log(0)).events

        renewed = await log.renew_epoch()

        assert renewed == log.events.epoch != before.epoch
        assert await log.events.mark() == Mark(renewed, before.position, before.check)
        assert (await log.events.read_log(0)).events == events
        await log.close()

    async def test_a_renewed_epoch_is_there_after_reopening(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        renewed = await log.renew_epoch()
        await log.close()

        again = await log_backend.open()

        assert (again.events.epoch == renewed) is log_backend.capabilities.durable
        await again.close()
