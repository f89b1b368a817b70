"""Reading the whole log, in pages, filtered, and backwards."""

from __future__ import annotations

from itertools import pairwise

from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EVERYTHING, EventStore, LogFilter
from twofold.event_store.stream import slice_of
from twofold.event_store.write import StreamWrite
from twofold.testing.contracts.writes import append, append_to, event, new_stream, part, write


async def whole_log(event_store: EventStore, where: LogFilter = EVERYTHING, limit: int = 7) -> list[RecordedEvent]:
    """Every event that matches, read page by page."""
    events: list[RecordedEvent] = []
    reached = 0
    while True:
        page = await event_store.read_log(reached, where=where, limit=limit)
        events += page.events
        reached = page.reached
        if page.at_head:
            return events


class ReadLogContract:
    """The log is read by position."""

    async def test_the_log_of_a_new_store_is_empty(self, event_store: EventStore) -> None:
        page = await event_store.read_log(0)

        assert (page.events, page.reached, page.at_head) == ([], 0, True)

    async def test_the_log_holds_all_streams_in_the_order_of_positions(self, event_store: EventStore) -> None:
        one, other = new_stream(), new_stream()
        for before in range(5):
            await append_to(event_store, one, 1, after=before)
            await append_to(event_store, other, 1, after=before)

        page = await event_store.read_log(0)

        assert [(at.stream, at.version) for at in page.events] == [(s, v) for v in range(1, 6) for s in (one, other)]
        assert all(before.position < after.position for before, after in pairwise(page.events))

    async def test_the_log_and_the_streams_tell_the_same(self, event_store: EventStore) -> None:
        streams = [new_stream() for _ in range(3)]
        for before in range(4):
            await append(event_store, *[write(part(stream, before)) for stream in streams])

        page = await event_store.read_log(0)

        for stream in streams:
            assert [at for at in page.events if at.stream == stream] == await event_store.read_stream(stream)

    async def test_a_page_holds_the_positions_after_one_up_to_another(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 6)
        positions = [at.position for at in (await event_store.read_log(0)).events]

        page = await event_store.read_log(positions[1], up_to=positions[3])

        assert [at.position for at in page.events] == positions[2:4]
        assert (page.reached, page.at_head) == (positions[3], True)

    async def test_a_limit_ends_a_page_at_its_last_event(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 3)

        page = await event_store.read_log(0, limit=2)

        assert len(page.events) == 2
        assert (page.reached, page.at_head) == (page.events[-1].position, False)

    async def test_page_after_page_is_the_whole_log(self, event_store: EventStore) -> None:
        for _ in range(4):
            await append_to(event_store, new_stream(), 5)

        assert await whole_log(event_store) == (await event_store.read_log(0)).events

    async def test_a_page_is_bounded_by_the_bytes_of_its_data(self, event_store: EventStore) -> None:
        stream = new_stream()
        sized = tuple(event(data=bytes(size)) for size in (40, 40, 40, 500, 1))
        await append(event_store, write(StreamWrite(stream, 0, sized)))

        sizes, reached = [], 0
        while True:
            page = await event_store.read_log(reached, max_bytes=100)
            sizes.append([len(at.data) for at in page.events])
            reached = page.reached
            if page.at_head:
                break

        assert sizes == [[40, 40], [40], [500], [1]]

    async def test_a_page_after_the_head_is_empty(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 2)
        head = (await event_store.mark()).position

        for after in (head, head + 10):
            page = await event_store.read_log(after)
            assert (page.events, page.reached, page.at_head) == ([], after, True)


class FilterContract:
    """The store hands out only what is asked for, and moves over the rest."""

    async def test_events_are_filtered_by_type(self, event_store: EventStore) -> None:
        stream = new_stream()
        kinds = ["A", "B", "A", "C", "AB", "a"]
        given = tuple(event(kind) for kind in kinds)
        await append(event_store, write(StreamWrite(stream, 0, given)))

        found = await whole_log(event_store, LogFilter(types=frozenset({"A", "C", "Unheard"})), limit=2)

        assert [at.type for at in found] == ["A", "A", "C"]

    async def test_events_are_filtered_by_category(self, event_store: EventStore) -> None:
        for category in ("order", "orders", "Order", "customer"):
            await append_to(event_store, new_stream(category), 1)
        await append_to(event_store, "order-with-dashes-inside", 1)

        found = await whole_log(event_store, LogFilter(categories=frozenset({"order"})))

        assert [at.stream.partition("-")[0] for at in found] == ["order", "order"]

    async def test_events_are_filtered_by_slices(self, event_store: EventStore) -> None:
        streams = [new_stream() for _ in range(40)]
        await append(event_store, *[write(part(stream, 0)) for stream in streams])

        low, high = sorted([slice_of(streams[0]), slice_of(streams[1])])
        found = await whole_log(event_store, LogFilter(slices=(low, high)))

        assert {at.stream for at in found} == {stream for stream in streams if low <= slice_of(stream) < high}

    async def test_filters_must_all_match(self, event_store: EventStore) -> None:
        for category in ("order", "customer"):
            stream = new_stream(category)
            await append(event_store, write(StreamWrite(stream, 0, (event("A"), event("B")))))

        where = LogFilter(types=frozenset({"A"}), categories=frozenset({"order"}), slices=(0, 1024))
        (found,) = await whole_log(event_store, where)

        assert (found.type, found.stream.partition("-")[0]) == ("A", "order")

    async def test_an_empty_set_matches_nothing(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 3)
        head = (await event_store.mark()).position

        for where in (LogFilter(types=frozenset()), LogFilter(categories=frozenset()), LogFilter(slices=(5, 5))):
            page = await event_store.read_log(0, where=where)
            assert (page.events, page.reached, page.at_head) == ([], head, True)

    async def test_reached_moves_over_events_that_do_not_match(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 1)
        await append(event_store, write(part(new_stream(), 0, 5, kind="Other")))
        head = (await event_store.mark()).position

        page = await event_store.read_log(0, where=LogFilter(types=frozenset({"Happened"})))

        assert len(page.events) == 1
        assert (page.reached, page.at_head) == (head, True)

    async def test_a_type_is_found_in_all_its_schema_versions_also_in_new_ones(self, event_store: EventStore) -> None:
        where, stream = LogFilter(types=frozenset({"A"})), new_stream()
        await append(event_store, write(StreamWrite(stream, 0, (event("A", schema_version=1),))))
        assert len(await whole_log(event_store, where)) == 1

        await append(event_store, write(StreamWrite(stream, 1, (event("A", schema_version=2),))))

        assert [at.schema_version for at in await whole_log(event_store, where)] == [1, 2]

    async def test_names_of_types_and_categories_are_never_taken_for_code(self, event_store: EventStore) -> None:
        odd = "A\"]'); DROP TABLE events; -- %_\\"
        await append(event_store, write(StreamWrite(new_stream(odd), 0, (event(odd),))))
        await append_to(event_store, new_stream(), 1)

        for where in (LogFilter(types=frozenset({odd})), LogFilter(categories=frozenset({odd.partition("-")[0]}))):
            assert [at.type for at in await whole_log(event_store, where)] == [odd]


class ReadLogBackwardsContract:
    """The log is read from its end too."""

    async def test_backwards_from_the_head_by_falling_position(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 5)
        forwards = (await event_store.read_log(0)).events

        page = await event_store.read_log(0, backwards=True)

        assert page.events == forwards[::-1]
        assert (page.reached, page.at_head) == (1, True)

    async def test_backwards_page_after_page_is_the_whole_log(self, event_store: EventStore) -> None:
        for category in ("order", "customer"):
            await append_to(event_store, new_stream(category), 5)
        where = LogFilter(categories=frozenset({"order"}))

        pages = [await event_store.read_log(0, where=where, limit=2, backwards=True)]
        while not pages[-1].at_head:
            pages.append(await event_store.read_log(pages[-1].reached, where=where, limit=2, backwards=True))

        found = [at for page in pages for at in page.events]
        assert found == (await whole_log(event_store, where))[::-1]

    async def test_backwards_below_the_first_position_is_nothing(self, event_store: EventStore) -> None:
        await append_to(event_store, new_stream(), 2)

        page = await event_store.read_log(1, backwards=True)

        assert (page.events, page.at_head) == ([], True)

    async def test_backwards_is_bounded_by_bytes_too(self, event_store: EventStore) -> None:
        sized = tuple(event(data=bytes(size)) for size in (40, 500, 40))
        await append(event_store, write(StreamWrite(new_stream(), 0, sized)))

        first = await event_store.read_log(0, max_bytes=100, backwards=True)
        second = await event_store.read_log(first.reached, max_bytes=100, backwards=True)

        assert [len(at.data) for at in first.events + second.events] == [40, 500]
        assert not second.at_head
