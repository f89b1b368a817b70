"""The contract of ParkingLot: rows that failed, and what waits for them."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import pytest

from twofold.errors import LeaseLostError
from twofold.read.parking import Failure, Parking
from twofold.read.view_store import Checkpoint, Generation, Kind, ParkingLot, RowChange, ViewStore
from twofold.testing.contracts.view_store.tables import EPOCH, START, mark, new_table

LONG = 10_000
COUNTER = {"count": Kind.INTEGER}
WHY = Failure(3, "ValueError: no such fee", "Traceback ...", "fingerprint-1", 1, 0)


class Lot:
    """A store with an empty view, and short ways to park in it."""

    def __init__(self, store: ViewStore) -> None:
        assert isinstance(store, ParkingLot)
        self.store = store
        self.lot: ParkingLot = store
        self.generation: Generation

    async def opened(self, shards: int = 1) -> Lot:
        """Make the view."""
        self.generation = await self.store.open_generation(new_table(COUNTER), EPOCH, shards)
        return self

    async def save(self, *parking: Parking, changes: tuple[RowChange, ...] = (), to: int = 0, shard: int = 0) -> None:
        """Save what is parked, with the checkpoint at *to*, or where it is."""
        at = (await self.store.checkpoint(self.generation, shard)).mark
        reached = mark(to) if to else at
        await self.store.save(self.generation, shard, changes, at, Checkpoint(reached, 0), parking)

    async def waiting(self, key: Any, **options: int) -> list[int]:
        """What waits for a row."""
        return await self.lot.parked_events(self.generation, 0, (key,), **options)


class ParkingContract:
    """A row is parked, its events queue in order, and it is let go, each with the checkpoint or not at all."""

    async def test_nothing_is_parked_at_first(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()

        assert await lot.lot.parked_keys(lot.generation) == []
        assert await lot.waiting("a") == []

    async def test_a_parked_row_is_found_with_its_failure(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()

        await lot.save(Parking(("a",), WHY, (3, 8)), to=9)

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert (parked.shard, parked.key, parked.failure) == (0, ("a",), WHY)
        assert (parked.waiting, parked.last) == (2, 8)
        assert parked.since > 0
        assert await lot.waiting("a") == [3, 8]
        assert (await lot.store.checkpoint(lot.generation, 0)).mark == mark(9)

    async def test_later_events_queue_behind_the_failed_one(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3,)), to=4)
        (before,) = await lot.lot.parked_keys(lot.generation)

        await lot.save(Parking(("a",), WHY, (5, 6)), to=7)

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert await lot.waiting("a") == [3, 5, 6]
        assert (parked.waiting, parked.last, parked.since) == (3, 6, before.since)

    async def test_events_queue_without_a_failure_too_and_the_one_that_is_known_stays(
        self, view_store: ViewStore
    ) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3,)), to=4)

        await lot.save(Parking(("a",), None, (5, 6)), to=7)

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert (parked.failure, await lot.waiting("a")) == (WHY, [3, 5, 6])

    async def test_a_row_for_which_nothing_waits_is_not_parked_whatever_failure_it_is_given(
        self, view_store: ViewStore
    ) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3,)), to=4)
        await lot.save(Parking(("a",), None, done=3))

        await lot.save(Parking(("a",), WHY))

        assert await lot.lot.parked_keys(lot.generation) == []
        await lot.save(Parking(("a",), WHY._replace(position=5), (5,)), to=6)
        assert await lot.waiting("a") == [5]

    async def test_a_failure_is_replaced_by_the_next(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3, 5)), to=5)
        again = WHY._replace(attempts=2, retry_at=1_000_000, cause="KeyError: 'b'")

        await lot.save(Parking(("a",), again))

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert parked.failure == again
        assert await lot.waiting("a") == [3, 5]

    async def test_a_row_is_let_go_with_what_it_has_become(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3, 5)), to=9)

        await lot.save(Parking(("a",), None, done=5), changes=(RowChange(("a",), {"id": "a", "count": 2}, 5),))

        assert await lot.lot.parked_keys(lot.generation) == []
        assert await lot.waiting("a") == []
        assert (await lot.store.load(lot.generation, 0, [("a",)]))[("a",)].position == 5

    async def test_events_that_came_meanwhile_keep_it_parked(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3, 5, 7)), to=9)

        await lot.save(Parking(("a",), None, done=5))

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert (parked.failure, parked.waiting) == (WHY, 1)
        assert await lot.waiting("a") == [7]

    async def test_a_retry_may_come_further_and_fail_later(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3, 5, 7)), to=9)
        later = WHY._replace(position=5)

        await lot.save(Parking(("a",), later, done=3))

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert parked.failure == later
        assert await lot.waiting("a") == [5, 7]

    async def test_keys_are_parked_one_by_one(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3,)), Parking(("b",), WHY._replace(position=4), (4,)), to=5)

        await lot.save(Parking(("a",), None, done=3))

        assert [each.key for each in await lot.lot.parked_keys(lot.generation)] == [("b",)]

    async def test_a_row_whose_key_is_longer_than_any_index_takes_is_parked_too(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        key = secrets.token_hex(LONG)

        await lot.save(Parking((key,), WHY, (3,)), to=4)

        (parked,) = await lot.lot.parked_keys(lot.generation)
        assert (parked.key, await lot.waiting(key)) == ((key,), [3])
        await lot.save(Parking((key,), None, done=3))
        assert await lot.lot.parked_keys(lot.generation) == []

    async def test_nothing_is_parked_when_the_checkpoint_is_not_there(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, (3,)), to=5)

        with pytest.raises(LeaseLostError):
            await lot.store.save(lot.generation, 0, (), START, Checkpoint(mark(9), 0), (Parking(("b",), WHY, (6,)),))

        assert [each.key for each in await lot.lot.parked_keys(lot.generation)] == [("a",)]

    async def test_events_are_given_in_pages(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened()
        await lot.save(Parking(("a",), WHY, tuple(range(3, 60))), to=60)

        assert await lot.waiting("a", limit=5) == [3, 4, 5, 6, 7]

    async def test_shards_have_parked_rows_of_their_own(self, view_store: ViewStore) -> None:
        lot = await Lot(view_store).opened(shards=2)

        await lot.save(Parking(("a",), WHY, (3,)), to=5)
        await lot.save(Parking(("b",), WHY._replace(position=4), (4,)), to=5, shard=1)

        by_shard = [await lot.lot.parked_keys(lot.generation, shard) for shard in (0, 1)]
        assert [[each.key for each in some] for some in by_shard] == [[("a",)], [("b",)]]
        assert len(await lot.lot.parked_keys(lot.generation)) == 2

    async def test_keys_of_every_kind_come_back_as_they_are(self, view_store: ViewStore) -> None:
        table = new_table({"number": Kind.INTEGER, "id": Kind.UUID, "day": Kind.DATE}, key=("number", "id"))
        generation = await view_store.open_generation(table, EPOCH)
        key = (7, UUID(int=9))

        await view_store.save(generation, 0, (), START, Checkpoint(mark(3), 0), (Parking(key, WHY, (3,)),))

        assert isinstance(view_store, ParkingLot)
        assert [each.key for each in await view_store.parked_keys(generation)] == [key]
        assert await view_store.parked_events(generation, 0, key) == [3]
