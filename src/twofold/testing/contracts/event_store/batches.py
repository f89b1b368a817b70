"""Several writes in one transaction: each has its own outcome, some build on others."""

from __future__ import annotations

import pytest

from twofold.errors import MisuseError
from twofold.event_store.outcome import Status
from twofold.event_store.store import EventStore, Outcomes
from twofold.event_store.write import ANY_VERSION, Appended, Conflicted, Replayed
from twofold.testing.contracts.writes import append, append_to, new_id, new_stream, outcome, part, write


class BatchContract:
    """The writes of a batch are judged one after another."""

    async def test_a_write_that_conflicts_leaves_the_others_be(self, event_store: EventStore) -> None:
        good, bad = new_stream(), new_stream()

        results = await event_store.append([write(part(good, 0)), write(part(bad, 7)), write(part(good, 1))])

        assert [type(result) for result in results] == [Appended, Conflicted, Appended]
        assert len(await event_store.read_stream(good)) == 2
        assert await event_store.read_stream(bad) == []

    async def test_positions_increase_in_the_order_of_the_writes(self, event_store: EventStore) -> None:
        streams = [new_stream() for _ in range(5)]

        results = await append(event_store, *[write(part(stream, 0, 2)) for stream in streams])

        page = await event_store.read_log(results[0].first - 1)
        assert [at.stream for at in page.events] == [stream for stream in streams for _ in range(2)]
        assert [at.position for at in page.events] == sorted({at.position for at in page.events})
        assert [result.position for result in results] == [at.position for at in page.events[1::2]]

    async def test_a_later_write_sees_what_an_earlier_one_appended(self, event_store: EventStore) -> None:
        stream = new_stream()

        first, stale, second = await event_store.append([
            write(part(stream, 0, 2)),
            write(part(stream, 0, 2)),
            write(part(stream, 2, 1), builds_on=(0,)),
        ])  # fmt: skip

        assert isinstance(first, Appended)
        assert stale == Conflicted(stream, 0, 2)
        assert isinstance(second, Appended)
        assert second.versions == (3,)

    async def test_a_write_falls_with_the_one_it_builds_on_though_the_version_fits(
        self, event_store: EventStore
    ) -> None:
        """Someone else put another event where the first write's would have stood."""
        stream = new_stream()
        await append_to(event_store, stream, 1)

        results = await event_store.append([write(part(stream, 0)), write(part(stream, 1), builds_on=(0,))])

        assert results == [Conflicted(stream, 0, 1), Conflicted(stream, 1, 1)]
        assert len(await event_store.read_stream(stream)) == 1

    async def test_a_whole_chain_falls_with_its_first_write(self, event_store: EventStore) -> None:
        stream, independent = new_stream(), new_stream()

        results = await event_store.append([
            write(part(stream, 3)),
            write(part(stream, ANY_VERSION), builds_on=(0,)),
            write(part(independent, 0)),
            write(part(stream, ANY_VERSION), builds_on=(2, 1)),
            write(builds_on=(3,)),
        ])  # fmt: skip

        assert [type(result) for result in results] == [Conflicted, Conflicted, Appended, Conflicted, Conflicted]
        assert results[4] == Conflicted("", 0, 0)
        assert await event_store.read_stream(stream) == []

    async def test_a_write_falls_with_a_replayed_one_that_it_builds_on(self, event_store: EventStore) -> None:
        stream, key = new_stream(), new_id().hex()
        await append(event_store, write(part(stream, 0), outcome=outcome(key=key)))

        replayed, built = await event_store.append([
            write(part(stream, 1), outcome=outcome(key=key)),
            write(part(stream, 1), builds_on=(0,)),
        ])  # fmt: skip

        assert isinstance(replayed, Replayed)
        assert built == Conflicted(stream, 1, 1)

    @pytest.mark.parametrize("places", [(1,), (2,), (-1,), (0, 1)])
    async def test_a_write_may_only_build_on_earlier_ones(
        self, event_store: EventStore, places: tuple[int, ...]
    ) -> None:
        innocent, stream = new_stream(), new_stream()

        with pytest.raises(MisuseError):
            await event_store.append([write(part(innocent, 0)), write(part(stream, 0), builds_on=places)])

        assert await event_store.read_stream(innocent) == []

    async def test_a_write_that_fell_leaves_no_outcome(self, event_store: EventStore, outcomes: Outcomes) -> None:
        lost, kept = outcome(status=Status.REJECTED, code="no"), outcome()

        await event_store.append([write(part(new_stream(), 9), outcome=lost), write(outcome=kept)])

        assert await outcomes.by_id(lost.message_id) is None
        assert await outcomes.by_id(kept.message_id) is not None

    async def test_a_long_batch_lands_whole_and_in_order(self, event_store: EventStore) -> None:
        stream, other = new_stream(), new_stream()
        batch = [write(part(stream, 3 * at, 3), part(other, at, 1)) for at in range(150)]

        await append(event_store, *batch)

        expected = [new.message_id for one in batch for new in one.streams[0].events]
        assert [at.message_id for at in await event_store.read_stream(stream)] == expected
        assert [at.version for at in await event_store.read_stream(other)] == list(range(1, 151))
