"""One write: what is stored, what comes back, what conflicts."""

from __future__ import annotations

import pytest

from twofold.errors import MisuseError
from twofold.event_store.recorded_event import NO_CHECK, RecordedEvent, check_of
from twofold.event_store.store import EventStore
from twofold.event_store.write import ANY_VERSION, Appended, Conflicted, StreamWrite
from twofold.messages.metadata import NO_ORIGIN
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import (
    CAUSE,
    CORRELATION,
    ORIGIN,
    append,
    append_to,
    event,
    new_stream,
    part,
    write,
)


class AppendContract:
    """A write is stored as it was given, or not at all."""

    async def test_an_appended_event_is_read_as_it_was_given(self, event_store: EventStore) -> None:
        stream = new_stream()
        given = event("Opened", b'{"owner":"Ada"}', 3)

        (result,) = await append(event_store, write(StreamWrite(stream, 0, (given,))))

        assert await event_store.read_stream(stream) == [
            RecordedEvent(
                position=result.position,
                stream=stream,
                version=1,
                type="Opened",
                schema_version=3,
                data=b'{"owner":"Ada"}',
                message_id=given.message_id,
                causation_id=CAUSE,
                correlation_id=CORRELATION,
                recorded_at=result.recorded_at,
                origin=ORIGIN,
            )
        ]

    async def test_the_result_says_where_the_events_landed(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 2)
        stream = new_stream()
        given = part(stream, 0, 3)

        (result,) = await append(event_store, write(given))

        stored = await event_store.read_stream(stream)
        assert [at.position for at in stored] == list(range(result.first, result.position + 1))
        assert [at.message_id for at in stored] == [new.message_id for new in given.events]
        assert result.versions == (3,)
        assert result.check == check_of(given.events[-1].message_id)

    async def test_versions_of_a_stream_are_counted_from_one_without_gaps(self, event_store: EventStore) -> None:
        stream = new_stream()
        for before in (0, 2, 4):
            await append_to(event_store, stream, 2, after=before)
            await append_to(event_store, new_stream(), 1)

        stored = await event_store.read_stream(stream)

        assert [at.version for at in stored] == [1, 2, 3, 4, 5, 6]
        assert [at.position for at in stored] == sorted({at.position for at in stored})

    async def test_append_at_the_wrong_version_writes_nothing(self, event_store: EventStore) -> None:
        stream = new_stream()
        await append_to(event_store, stream, 2)

        for wrong in (0, 1, 3):
            assert await event_store.append([write(part(stream, wrong))]) == [Conflicted(stream, wrong, 2)]

        assert len(await event_store.read_stream(stream)) == 2

    async def test_any_version_is_appended_wherever_the_stream_is(self, event_store: EventStore) -> None:
        stream = new_stream()

        first, second = await append(event_store, write(part(stream, ANY_VERSION)), write(part(stream, ANY_VERSION, 2)))

        assert (first.versions, second.versions) == ((1,), (3,))

    async def test_a_write_over_several_streams_stands_in_the_order_of_its_streams(
        self, event_store: EventStore
    ) -> None:
        one, other = new_stream(), new_stream()
        await append_to(event_store, other, 1)

        (result,) = await append(event_store, write(part(one, 0, 2), part(other, 1, 1)))

        page = await event_store.read_log(result.first - 1)
        assert [(at.stream, at.version) for at in page.events] == [(one, 1), (one, 2), (other, 2)]
        assert result.versions == (2, 2)

    async def test_a_write_over_several_streams_is_written_on_all_or_none(self, event_store: EventStore) -> None:
        one, other = new_stream(), new_stream()

        results = await event_store.append([write(part(one, 0), part(other, 5))])

        assert results == [Conflicted(other, 5, 0)]
        assert await event_store.read_stream(one) == []

    async def test_a_stream_without_events_is_only_a_check(self, event_store: EventStore) -> None:
        checked, written = new_stream(), new_stream()
        await append_to(event_store, checked, 2)

        good, bad = await event_store.append([
            write(part(checked, 2, 0), part(written, 0)),
            write(part(checked, 1, 0), part(written, 1)),
        ])  # fmt: skip

        assert isinstance(good, Appended)
        assert good.versions == (2, 1)
        assert bad == Conflicted(checked, 1, 2)
        assert len(await event_store.read_stream(checked)) == 2

    async def test_a_write_without_events_reports_the_head(self, event_store: EventStore) -> None:
        (empty,) = await append(event_store, write())
        await append_to(event_store, new_stream(), 3)
        head = await event_store.mark()

        (result,) = await append(event_store, write())

        assert (empty.first, empty.check if empty.position == 0 else NO_CHECK) == (0, NO_CHECK)
        assert (result.first, result.position, result.versions, result.check) == (0, head.position, (), head.check)

    async def test_a_write_that_names_a_stream_twice_is_refused_with_its_batch(self, event_store: EventStore) -> None:
        stream, innocent = new_stream(), new_stream()

        with pytest.raises(MisuseError):
            await event_store.append([write(part(innocent, 0)), write(part(stream, 0), part(stream, 1))])

        assert await event_store.read_stream(stream) == []
        assert await event_store.read_stream(innocent) == []
        await append(event_store, write(part(innocent, 0, kind="NeverSeenBefore")))
        assert [at.type for at in await event_store.read_stream(innocent)] == ["NeverSeenBefore"]

    async def test_what_cannot_be_shortened_is_kept_too(self, event_store: EventStore) -> None:
        """An origin of nothing, a cause that is the correlation, empty data, a name of all sorts of characters."""
        stream = "thing-äöü 漢字 \U0001f600 'quoted\" %_-" + new_stream()
        given = write(part(stream, 0))
        given = type(given)(given.streams, None, CAUSE, CAUSE, NO_ORIGIN)

        await append(event_store, given)

        (stored,) = await event_store.read_stream(stream)
        assert (stored.causation_id, stored.correlation_id, stored.origin) == (CAUSE, CAUSE, NO_ORIGIN)
        assert stored.stream == stream

    async def test_an_empty_batch_is_nothing(self, event_store: EventStore) -> None:
        before = await event_store.mark()

        assert await event_store.append([]) == []

        assert await event_store.mark() == before


class RecordedTimeContract:
    """Recorded time is the store's, and only goes forwards."""

    async def test_events_carry_the_time_of_the_stores_clock(self, event_store: EventStore, clock: ManualClock) -> None:
        clock.advance(12.5)
        stream = new_stream()

        (result,) = await append(event_store, write(part(stream, 0)))

        (stored,) = await event_store.read_stream(stream)
        assert stored.recorded_at == result.recorded_at == clock.now_micros()

    async def test_recorded_time_stands_still_while_the_clock_is_behind(
        self, event_store: EventStore, clock: ManualClock
    ) -> None:
        (before,) = await append(event_store, write(part(new_stream(), 0)))
        clock.set_back(3600)

        (behind,) = await append(event_store, write(part(new_stream(), 0)))
        clock.advance(7200)
        (ahead,) = await append(event_store, write(part(new_stream(), 0)))

        assert behind.recorded_at == before.recorded_at
        assert ahead.recorded_at == clock.now_micros()

    async def test_recorded_time_stands_still_also_when_the_log_is_opened_again(self, log_backend: LogBackend) -> None:
        log = await log_backend.open()
        (before,) = await append(log.events, write(part(new_stream(), 0)))
        await log.close()
        log_backend.clock.set_back(3600)

        log = await log_backend.open()
        (behind,) = await append(log.events, write(part(new_stream(), 0)))
        await log.close()

        durable = log_backend.capabilities.durable
        assert behind.recorded_at == (before.recorded_at if durable else log_backend.clock.now_micros())

    async def test_an_import_keeps_the_times_it_brings_as_long_as_they_rise(self, event_store: EventStore) -> None:
        times = [1_000, 2_000, 1_500, 2_500]

        results = await append(event_store, *[write(part(new_stream(), 0), recorded_at=time) for time in times])

        assert [result.recorded_at for result in results] == [1_000, 2_000, 2_000, 2_500]

    async def test_an_import_from_the_future_does_not_send_its_successors_back(
        self, event_store: EventStore, clock: ManualClock
    ) -> None:
        future = clock.now_micros() + 10**9

        await append(event_store, write(part(new_stream(), 0), recorded_at=future), write(part(new_stream(), 0)))
        await append(event_store, write(part(new_stream(), 0)))

        page = await event_store.read_log(0)
        assert [at.recorded_at for at in page.events] == [future] * 3
