"""Two generations of a view compared row by row, while one of them may be further than the other."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.errors import GenerationError
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read import comparison
from twofold.read.comparison import Comparison, Difference, compare
from twofold.read.generations import Kept
from twofold.read.view_store import Checkpoint, Column, Kind, RowChange, ViewTable

COLUMNS = (
    Column("town", Kind.TEXT, optional=False, type=str),
    Column("day", Kind.INTEGER, optional=False, type=int),
    Column("sum", Kind.INTEGER, optional=False, type=int),
)
RECIPE = (("field day", "integer"), ("field sum", "integer"), ("field town", "text"), ("key", "town, day"))
TABLE = ViewTable("Sales", COLUMNS, ("town", "day"), (), "old", RECIPE)
START = Mark("epoch", 0, NO_CHECK)
Row = tuple[str, int, int, int]


def reached(position: int) -> Checkpoint:
    return Checkpoint(Mark("epoch", position, position.to_bytes(8, "big")), 0)


def change(row: Row) -> RowChange:
    town, day, total, position = row
    return RowChange((town, day), {"town": town, "day": day, "sum": total}, position)


class Two:
    """An old generation that is live and a new one, each with rows (town, day, sum, position) and a checkpoint."""

    def __init__(self) -> None:
        self.store = MemoryViewStore()

    async def fill(self, old: list[Row], new: list[Row], *, at: tuple[int, int] = (9, 9)) -> None:
        live = await self.store.open_generation(TABLE, "epoch")
        built = await self.store.build(TABLE._replace(fingerprint="new"), "epoch")
        for generation, rows, position in ((live, old, at[0]), (built, new, at[1])):
            await self.store.save(generation, 0, [change(row) for row in rows], START, reached(position))

    async def kept(self) -> tuple[Kept, Kept]:
        old, new = await self.store.generations("Sales")
        return old, new

    async def compare(self, limit: int | None = None) -> Comparison:
        return await compare(self.store, TABLE, *await self.kept(), limit)


@pytest.fixture
def two() -> Two:
    return Two()


def many(count: int, total: int = 1) -> list[Row]:
    return [(f"town {number:05}", 1, total, 3) for number in range(count)]


async def test_generations_that_are_alike_are(two: Two) -> None:
    await two.fill(many(1200), many(1200))

    found = await two.compare()

    assert (found.is_alike, found.rows, found.looked_at, found.differing) == (True, (1200, 1200), 1200, 0)
    assert str(found) == "1,200 of 1,200 rows compared with generation 1: all alike"


async def test_a_row_that_differs_is_listed_with_both_values(two: Two) -> None:
    await two.fill([("Oslo", 1, 5, 2), ("Oslo", 2, 7, 3)], [("Oslo", 1, 5, 2), ("Oslo", 2, 8, 3)])

    found = await two.compare()

    assert found.differences == [Difference(("Oslo", 2), {"sum": (7, 8)})]
    assert (found.is_alike, found.fields) == (False, {"sum": 1})
    assert str(found).endswith("1 differ in sum")


async def test_rows_that_only_one_of_them_has_are_found_wherever_they_stand(two: Two) -> None:
    await two.fill([("A", 1, 0, 2), ("C", 1, 0, 2), ("D", 1, 0, 2)], [("B", 1, 0, 2), ("C", 1, 0, 2), ("E", 1, 0, 2)])

    found = await two.compare()

    assert [(each.key[0], each.only_in) for each in found.differences] == [("A", 1), ("B", 2), ("D", 1), ("E", 2)]
    assert found.looked_at == 5


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ([("Oslo", 1, 5, 2)], [("Oslo", 1, 9, 7)], (5, 9)),  # the new one is further
        ([("Oslo", 1, 9, 7)], [("Oslo", 1, 5, 2)], (9, 5)),
        ([("Oslo", 1, 9, 7)], [], (9, 5)),  # it may come with an event in between
        ([], [("Oslo", 1, 9, 7)], (5, 9)),
        ([("Oslo", 1, 5, 2)], [], (5, 9)),  # it may have been deleted by one
    ],
)
async def test_a_row_that_is_moving_is_not_judged(
    two: Two, old: list[Row], new: list[Row], at: tuple[int, int]
) -> None:
    await two.fill(old, new, at=at)

    found = await two.compare()

    assert (found.differing, found.moving, found.is_alike) == (0, 1, True)


async def test_a_planted_comparison_of_whatever_is_there_would_cry_wolf(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(self: Any, old: Any, new: Any, _reached: int) -> None:
        self.looked_at += 1
        if old is None or new is None or old.row.values != new.row.values:
            self._differs(Difference((old or new).key, {}))

    await two.fill([("Oslo", 1, 5, 2)], [("Oslo", 1, 9, 7)], at=(5, 9))
    monkeypatch.setattr(comparison._Tally, "look", judge)

    assert (await two.compare()).differing == 1


async def test_a_sample_is_taken_from_both_ends(two: Two) -> None:
    rows = many(3000)
    changed = [row if place not in (0, 1500, 2999) else (*row[:2], 2, 3) for place, row in enumerate(rows)]
    await two.fill(rows, changed)

    found = await two.compare(limit=100)

    assert (found.looked_at, found.differing, found.is_whole) == (100, 2, False)
    assert (await two.compare()).differing == 3


async def test_few_rows_are_all_looked_at_once(two: Two) -> None:
    await two.fill(many(3), many(3, total=2))

    found = await two.compare(limit=1000)

    assert (found.looked_at, found.differing, found.is_whole) == (3, 3, True)


async def test_many_differences_are_counted_and_the_first_are_listed(two: Two) -> None:
    await two.fill(many(700), many(700, total=2))

    found = await two.compare()

    assert (found.differing, len(found.differences)) == (700, comparison.LISTED)


async def test_fields_that_only_one_has_are_said_and_not_compared(two: Two) -> None:
    await two.fill(many(2), many(2))
    old, new = await two.kept()
    wider = new._replace(recipe={**new.recipe, "field tax": "integer"})

    found = await compare(two.store, TABLE, old, wider)

    assert (found.only_new, found.only_old, found.differing, found.is_alike) == (("tax",), (), 0, False)
    assert str(found).endswith("all alike; new: tax")


async def test_other_keys_cannot_be_compared(two: Two) -> None:
    await two.fill(many(2), many(2))
    old, new = await two.kept()

    with pytest.raises(GenerationError, match="have other keys"):
        await compare(two.store, TABLE, old, new._replace(recipe={**new.recipe, "key": "town"}))
