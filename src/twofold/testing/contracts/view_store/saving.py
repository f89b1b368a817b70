"""The contract of ViewStore: rows and checkpoint change together, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from twofold.errors import LeaseLostError
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Checkpoint, Kind, RowChange, Search, StoredRow, ViewStore
from twofold.testing.contracts.view_store.tables import EPOCH, START, Line, fill, mark, new_table

COUNTER = {"count": Kind.INTEGER}


def counted(key: str, count: int, position: int = 1) -> RowChange:
    """A row with a count."""
    return RowChange((key,), {"id": key, "count": count}, position)


class GenerationContract:
    """A view has one live generation, which is made once."""

    async def test_a_new_generation_is_empty_and_at_the_start(self, view_store: ViewStore) -> None:
        table = new_table(COUNTER)

        generation = await view_store.open_generation(table, EPOCH)

        assert (generation.view, generation.number, generation.shards) == (table.view, 1, 1)
        assert (generation.fingerprint, generation.epoch) == (table.fingerprint, EPOCH)
        assert await view_store.checkpoint(generation, 0) == Checkpoint(START, 0)
        assert await view_store.load(generation, 0, [("a",)]) == {}

    async def test_opening_again_gives_the_same_generation_with_its_rows(self, view_store: ViewStore) -> None:
        table = new_table(COUNTER)
        filled = await fill(view_store, table, [{"id": "a", "count": 1}])

        again = await view_store.open_generation(table, EPOCH)

        assert again == filled.generation
        assert await view_store.checkpoint(again, 0) == Checkpoint(mark(1), 0)

    async def test_a_store_has_an_identity_of_its_own(self, view_store: ViewStore) -> None:
        before = view_store.identity

        await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])

        assert before
        assert view_store.identity == before

    async def test_a_generation_of_other_code_or_another_log_is_returned_as_it_is(self, view_store: ViewStore) -> None:
        table = new_table(COUNTER)
        first = await view_store.open_generation(table, EPOCH)

        other = await view_store.open_generation(table._replace(fingerprint="fingerprint-2"), "epoch-2")

        assert (other.fingerprint, other.epoch, other.number) == (first.fingerprint, EPOCH, 1)

    async def test_views_do_not_see_each_others_rows(self, view_store: ViewStore) -> None:
        one = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])
        other = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 2}])

        assert [(await each.values(("a",)))["count"] for each in (one, other)] == [1, 2]

    async def test_each_shard_has_a_checkpoint_and_an_answer_has_that_of_the_shards_it_can_be_from(
        self, view_store: ViewStore
    ) -> None:
        table = new_table(COUNTER)
        generation = await view_store.open_generation(table, EPOCH, shards=3)

        await view_store.save(generation, 1, [counted("a", 1)], START, Checkpoint(mark(7), 0))
        await view_store.save(generation, 2, [counted("b", 1)], START, Checkpoint(mark(9), 0))
        missing_behind = await view_store.get(table, ("c",))
        await view_store.save(generation, 0, [], START, Checkpoint(mark(5), 0))

        assert generation.shards == 3
        assert (await view_store.get(table, ("a",))).mark == mark(7)
        assert (await view_store.get(table, ("b",))).mark == mark(9)
        assert missing_behind.mark == START
        assert (await view_store.get(table, ("c",))).mark == mark(5)
        assert (await view_store.find(table, Search())).mark == mark(5)
        assert (await view_store.count(table, ())).mark == mark(5)
        assert (await view_store.checkpoint(generation, 1)).mark == mark(7)

    async def test_many_reads_in_one_moment_each_have_the_checkpoint_of_their_shard(
        self, view_store: ViewStore
    ) -> None:
        table = new_table(COUNTER)
        generation = await view_store.open_generation(table, EPOCH, shards=2)
        await view_store.save(generation, 0, [counted("a", 1)], START, Checkpoint(mark(3), 0))
        await view_store.save(generation, 1, [counted("b", 1)], START, Checkpoint(mark(8), 0))

        found = await asyncio.gather(*[view_store.get(table, (key,)) for key in "abcab" * 20])

        assert [each.mark.position for each in found] == [3, 8, 3, 3, 8] * 20

    async def test_a_table_without_columns_has_only_a_checkpoint(self, view_store: ViewStore) -> None:
        generation = await view_store.open_generation(new_table({}, key=()), EPOCH)

        await view_store.save(generation, 0, [], START, Checkpoint(mark(3), 2))

        assert await view_store.checkpoint(generation, 0) == Checkpoint(mark(3), 2)


class SaveContract:
    """`save` applies all changes and moves the checkpoint, or does nothing."""

    async def test_saved_rows_are_loaded_with_their_positions(self, view_store: ViewStore) -> None:
        generation = await view_store.open_generation(new_table(COUNTER), EPOCH)
        changes = [counted("a", 1, position=4), counted("b", 2, position=9)]

        await view_store.save(generation, 0, changes, START, Checkpoint(mark(9), 0))

        assert await view_store.load(generation, 0, [("a",), ("missing",), ("b",)]) == {
            ("a",): StoredRow({"id": "a", "count": 1}, 4),
            ("b",): StoredRow({"id": "b", "count": 2}, 9),
        }
        assert await view_store.checkpoint(generation, 0) == Checkpoint(mark(9), 0)

    async def test_a_second_save_replaces_deletes_and_keeps(self, view_store: ViewStore) -> None:
        table = new_table(COUNTER)
        filled = await fill(view_store, table, [{"id": key, "count": 1} for key in "abc"])
        changes = [counted("a", 5, position=2), RowChange(("b",), None, 3), counted("d", 7, position=4)]

        await view_store.save(filled.generation, 0, changes, mark(1), Checkpoint(mark(4), 0))

        rows = await view_store.load(filled.generation, 0, [(key,) for key in "abcd"])
        assert {key[0]: row.values["count"] for key, row in rows.items()} == {"a": 5, "c": 1, "d": 7}

    async def test_deleting_a_row_that_is_not_there_does_nothing(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a"}])

        await view_store.save(filled.generation, 0, [RowChange(("ghost",), None, 2)], mark(1), Checkpoint(mark(2), 0))

        assert await filled.find() == ["a"]

    async def test_no_changes_move_the_checkpoint_alone(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])

        await view_store.save(filled.generation, 0, [], mark(1), Checkpoint(mark(8), 0))

        assert (await view_store.get(filled.table, ("a",))).mark == mark(8)

    async def test_many_rows_are_saved_and_loaded_at_once(self, view_store: ViewStore) -> None:
        rows = [{"id": f"row {number}", "count": number} for number in range(2500)]
        filled = await fill(view_store, new_table(COUNTER), rows)

        loaded = await view_store.load(filled.generation, 0, [(row["id"],) for row in rows])

        assert [loaded[row["id"],].values for row in rows] == rows

    @pytest.mark.parametrize(
        "expected",
        [START, mark(2), Mark("epoch-2", 1, mark(1).check), Mark(EPOCH, 1, b"another!")],
        ids=["behind", "ahead", "epoch", "check"],
    )
    async def test_a_save_from_another_place_changes_nothing(self, view_store: ViewStore, expected: Mark) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])

        with pytest.raises(LeaseLostError):
            await view_store.save(filled.generation, 0, [counted("a", 2)], expected, Checkpoint(mark(3), 0))

        assert (await filled.values(("a",)))["count"] == 1
        assert await view_store.checkpoint(filled.generation, 0) == Checkpoint(mark(1), 0)

    async def test_a_save_with_a_lower_fence_changes_nothing(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])
        await view_store.save(filled.generation, 0, [counted("a", 2)], mark(1), Checkpoint(mark(2), 5))

        with pytest.raises(LeaseLostError):
            await view_store.save(filled.generation, 0, [counted("a", 3)], mark(2), Checkpoint(mark(3), 4))
        await view_store.save(filled.generation, 0, [counted("a", 4)], mark(2), Checkpoint(mark(3), 5))

        assert (await filled.values(("a",)))["count"] == 4
        assert await view_store.checkpoint(filled.generation, 0) == Checkpoint(mark(3), 5)

    async def test_only_one_of_several_savers_from_one_place_wins(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 0}])

        results = await asyncio.gather(
            *[
                view_store.save(filled.generation, 0, [counted("a", n)], mark(1), Checkpoint(mark(1 + n), 0))
                for n in range(1, 6)
            ],
            return_exceptions=True,
        )

        winners = [number for number, result in enumerate(results, 1) if result is None]
        assert len(winners) == 1
        assert (await filled.values(("a",)))["count"] == winners[0]
        assert all(isinstance(result, LeaseLostError) for result in results if result is not None)

    async def test_a_change_that_cannot_be_stored_leaves_all_of_its_batch_out(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table({"lines": Kind.JSON}), [])
        good, bad = {"id": "a", "lines": []}, {"id": "b", "lines": object()}

        with pytest.raises(Exception, match=r".+"):
            await view_store.save(
                filled.generation,
                0,
                [RowChange(("a",), good, 2), RowChange(("b",), bad, 2)],
                mark(1),
                Checkpoint(mark(2), 0),
            )

        assert await filled.find() == []
        assert await view_store.checkpoint(filled.generation, 0) == Checkpoint(mark(1), 0)

    async def test_nothing_handed_in_or_out_is_shared_with_what_is_stored(self, view_store: ViewStore) -> None:
        lines: list[Line] = []
        row = {"id": "a", "lines": lines}
        filled = await fill(view_store, new_table({"lines": Kind.JSON}), [row])
        row["id"] = "changed"
        lines.append("changed")  # type: ignore[arg-type]
        (await filled.values(("a",)))["lines"].append("changed")

        assert await filled.values(("a",)) == {"id": "a", "lines": []}


class SnapshotOfAnswersContract:
    """An answer is one moment: its rows are those of its checkpoint."""

    async def test_a_row_that_is_not_there_is_an_answer_too(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])

        found = await view_store.get(filled.table, ("b",))

        assert (found.rows, found.mark, found.generation) == ([], mark(1), 1)

    async def test_every_answer_names_its_checkpoint_and_generation(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table(COUNTER), [{"id": "a", "count": 1}])

        got = await view_store.get(filled.table, ("a",))
        counted_rows = await view_store.count(filled.table, ())

        assert got.rows == [StoredRow({"id": "a", "count": 1}, 1)]
        assert (got.mark, got.generation) == (mark(1), 1)
        assert (counted_rows.count, counted_rows.mark, counted_rows.generation) == (1, mark(1), 1)

    async def test_readers_see_each_batch_whole_with_its_own_checkpoint(self, view_store: ViewStore) -> None:
        table = new_table(COUNTER)
        filled = await fill(view_store, table, [{"id": key, "count": 1} for key in "abc"])
        seen: list[int] = []

        async def write() -> None:
            for position in range(2, 30):
                changes = [counted(key, position, position) for key in "abc"]
                await view_store.save(filled.generation, 0, changes, mark(position - 1), Checkpoint(mark(position), 0))

        async def read() -> None:
            while not seen or seen[-1] < 29:
                search = await view_store.count(table, ())
                one = await view_store.get(table, ("b",))
                assert search.count == 3
                assert one.rows[0].values["count"] == one.mark.position
                seen.append(one.mark.position)
                await asyncio.sleep(0)

        await asyncio.gather(write(), read())

        assert seen == sorted(seen)
