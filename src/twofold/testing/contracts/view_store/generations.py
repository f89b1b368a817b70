"""The contract of Generations: copies of a view beside each other, one of them live."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from twofold.errors import ConflictError, LeaseLostError, MisuseError
from twofold.read.generations import Generations, Kept, Status
from twofold.read.view_store import Checkpoint, Generation, Kind, RowChange, Search, ViewStore, ViewTable
from twofold.testing.contracts.view_store.tables import EPOCH, START, mark, new_table

COUNTER = {"count": Kind.INTEGER}
RECIPE = (("field count", "integer"), ("key", "id"))


class Place:
    """A store with a view whose live generation has row `a` with count 1, at position 5."""

    def __init__(self, store: Any) -> None:
        self.store: ViewStore = store
        self.copies: Generations = store
        self.table = new_table(COUNTER)._replace(recipe=RECIPE)
        self.changed = self.table._replace(fingerprint="fingerprint-2")

    async def prepared(self) -> Generation:
        """Fill the live generation."""
        live = await self.store.open_generation(self.table, EPOCH)
        await self.fold(live, "a", 1, 5)
        return live

    async def built(self, count: int = 2, position: int = 5) -> Generation:
        """A second generation in which row `a` has that count."""
        made = await self.copies.build(self.changed, EPOCH)
        await self.fold(made, "a", count, position)
        return made

    async def fold(self, generation: Generation, key: str, count: int, position: int) -> None:
        """Write one row and move the checkpoint."""
        expected = (await self.store.checkpoint(generation, 0)).mark
        row = RowChange((key,), {"id": key, "count": count}, position)
        await self.store.save(generation, 0, [row], expected, Checkpoint(mark(position), 0))

    async def count(self, of: Generation | None = None, table: ViewTable | None = None) -> Any:
        """The count of row `a`."""
        return (await self.store.get(table or self.table, ("a",), of)).rows[0].values["count"]

    async def kept(self) -> dict[int, Kept]:
        """What the store keeps, by number."""
        return {each.generation.number: each for each in await self.copies.generations(self.table.view)}


class BuildContract:
    """A generation is built beside the live one."""

    async def test_a_new_generation_is_built_beside_the_live_one(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()

        made = await place.built(count=9)

        assert (made.number, made.fingerprint, made.status) == (2, "fingerprint-2", Status.BUILDING)
        assert (await place.store.open_generation(place.table, EPOCH)).number == live.number
        assert await place.count() == 1
        assert await place.count(made, place.changed) == 9
        assert await place.count(live) == 1

    async def test_a_new_generation_is_empty_and_at_the_start(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()

        made = await place.copies.build(place.changed, EPOCH, shards=3)

        assert made.shards == 3
        assert await place.store.load(made, 0, [("a",)]) == {}
        assert [await place.store.checkpoint(made, shard) for shard in range(3)] == [Checkpoint(START, 0)] * 3

    async def test_two_who_build_at_once_get_the_same(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()

        made = await asyncio.gather(*(place.copies.build(place.changed, EPOCH) for _ in range(4)))

        assert set(made) == {made[0]}
        assert set(await place.kept()) == {1, 2}

    async def test_building_what_is_kept_gives_it_whatever_its_status(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()
        made = await place.built()
        await place.copies.label(made, Status.FAILED, "an event failed")

        again = await place.copies.build(place.changed, EPOCH)

        assert (again.number, again.status) == (2, Status.FAILED)
        assert (await place.copies.build(place.table, EPOCH)).number == live.number

    async def test_another_epoch_is_another_generation(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()

        other = await place.copies.build(place.table, "epoch-2")

        assert (other.number, other.epoch) == (2, "epoch-2")
        assert (await place.store.checkpoint(other, 0)).mark.epoch == "epoch-2"

    async def test_without_a_live_one_nothing_is_live_yet(self, view_store: ViewStore) -> None:
        place = Place(view_store)

        made = await place.copies.build(place.table, EPOCH)

        assert made.status == Status.BUILDING
        assert (await place.store.find(place.table, Search())).generation == 0

    async def test_what_is_kept_says_where_it_is_and_what_built_it(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.copies.build(place.changed._replace(recipe=(("key", "id"),)), EPOCH, shards=2)
        await place.store.save(made, 1, [], START, Checkpoint(mark(7), 0))

        kept = await place.kept()

        assert [each.generation.status for each in kept.values()] == [Status.LIVE, Status.BUILDING]
        assert kept[1].recipe == dict(RECIPE)
        assert (kept[1].lowest, kept[1].highest) == (mark(5), mark(5))
        assert kept[2].recipe == {"key": "id"}
        assert (kept[2].lowest, kept[2].highest) == (START, mark(7))
        assert kept[1].changed_at > 0
        assert await place.copies.generations("Unheard") == []

    async def test_generations_may_have_other_columns(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        wider = new_table({**COUNTER, "name": Kind.TEXT})._replace(view=place.table.view, fingerprint="fingerprint-3")
        made = await place.copies.build(wider, EPOCH)
        row = RowChange(("a",), {"id": "a", "count": 3, "name": "Ada"}, 5)

        await place.store.save(made, 0, [row], START, Checkpoint(mark(5), 0))
        await place.copies.promote(made)

        assert (await place.store.get(wider, ("a",))).rows[0].values["name"] == "Ada"
        assert await place.count() == 3


class PromoteContract:
    """One generation is live; which one it is changes at once and can change back."""

    async def test_a_promoted_generation_answers(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built(count=2, position=6)

        await place.copies.promote(made)

        found = await place.store.get(place.changed, ("a",))
        assert (found.rows[0].values["count"], found.mark, found.generation) == (2, mark(6), 2)
        assert (await place.store.find(place.changed, Search())).generation == 2
        assert (await place.store.count(place.changed, ())).generation == 2
        assert [each.generation.status for each in (await place.kept()).values()] == [Status.RETIRED, Status.LIVE]

    async def test_promoting_the_live_one_changes_nothing(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()
        before = await place.kept()

        await place.copies.promote(live)

        assert await place.kept() == before

    async def test_a_generation_behind_the_live_one_is_not_promoted(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built(position=4)

        with pytest.raises(ConflictError):
            await place.copies.promote(made)

        assert await place.count() == 1

    async def test_not_even_if_only_one_shard_is_behind(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.copies.build(place.changed, EPOCH, shards=2)
        await place.store.save(made, 0, [], START, Checkpoint(mark(9), 0))

        with pytest.raises(ConflictError):
            await place.copies.promote(made)

    async def test_a_rollback_may_be_behind(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()
        await place.copies.promote(await place.built(position=8))

        await place.copies.promote(live, behind=True)

        assert await place.count() == 1
        assert (await place.store.get(place.table, ("a",))).mark == mark(5)
        assert [each.generation.status for each in (await place.kept()).values()] == [Status.LIVE, Status.RETIRED]

    async def test_it_is_said_why_one_was_retired_and_why_one_was_built_stays(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built()
        await place.copies.label(made, Status.BUILDING, "from position 3")

        await place.copies.promote(made, why="too slow")

        assert [each.why for each in (await place.kept()).values()] == ["too slow", "from position 3"]

    async def test_the_retired_one_can_still_be_folded(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()
        await place.copies.promote(await place.built())

        await place.fold(live, "a", 7, 9)

        assert await place.count(live) == 7
        assert await place.count(table=place.changed) == 2

    async def test_what_was_dropped_is_not_promoted(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built()
        await place.copies.drop(made)

        with pytest.raises(ConflictError):
            await place.copies.promote(made)

    async def test_readers_see_one_generation_whole_while_it_is_replaced(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()
        made = await place.built(count=2, position=6)
        seen = set()

        async def read() -> None:
            for _ in range(40):
                found = await place.store.get(place.table, ("a",))
                seen.add((found.generation, found.rows[0].values["count"], found.mark.position))
                await asyncio.sleep(0)

        async def swap() -> None:
            for _ in range(10):
                await place.copies.promote(made)
                await place.copies.promote(live, behind=True)

        await asyncio.gather(read(), read(), swap())

        assert seen <= {(1, 1, 5), (2, 2, 6)}


class LabelContract:
    """A generation that is not live has a status, and can be dropped."""

    async def test_a_status_and_its_reason_are_kept(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built()

        await place.copies.label(made, Status.FAILED, "position 3: no such field")

        kept = (await place.kept())[2]
        assert (kept.generation.status, kept.why) == (Status.FAILED, "position 3: no such field")

    async def test_which_one_is_live_is_not_a_label(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()
        made = await place.built()

        for generation, status in ((made, Status.LIVE), (live, Status.RETIRED)):
            with pytest.raises(MisuseError):
                await place.copies.label(generation, status)

        assert (await place.kept())[1].generation.status == Status.LIVE

    async def test_a_dropped_generation_is_gone_and_its_number_is_not_used_again(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built()

        await place.copies.drop(made)
        await place.copies.drop(made)
        again = await place.copies.build(place.changed, EPOCH)

        assert again.number == 3
        assert set(await place.kept()) == {1, 3}
        assert await place.store.load(again, 0, [("a",)]) == {}

    async def test_whoever_folds_a_dropped_generation_is_told(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        await place.prepared()
        made = await place.built()
        await place.copies.drop(made)

        with pytest.raises(LeaseLostError):
            await place.store.save(made, 0, [], mark(5), Checkpoint(mark(6), 0))
        with pytest.raises(LeaseLostError):
            await place.store.checkpoint(made, 0)

    async def test_the_live_one_is_not_dropped(self, view_store: ViewStore) -> None:
        place = Place(view_store)
        live = await place.prepared()

        with pytest.raises(MisuseError):
            await place.copies.drop(live)

        assert await place.count() == 1


class PauseContract:
    """That a view is not to be folded is remembered."""

    async def test_views_are_paused_and_go_on(self, view_store: ViewStore) -> None:
        place, other = Place(view_store), Place(view_store)
        await place.prepared()
        await other.prepared()

        for paused in (True, True, False, False):
            await place.copies.pause(place.table.view, paused=paused)
            found = await place.copies.paused()
            assert (place.table.view in found) is paused
            assert other.table.view not in found
