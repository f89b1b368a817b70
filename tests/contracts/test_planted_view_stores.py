"""View stores with a planted bug each: the contract has to notice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.event_store.recorded_event import Mark
from twofold.read.parking import Parking
from twofold.read.view_store import Checkpoint, Condition, Found, Generation, Kind, RowChange, Search, ViewTable
from twofold.testing.contracts.view_store.saving import SaveContract
from twofold.testing.contracts.view_store.searching import FilterContract, KeysetContract, OrderContract
from twofold.testing.contracts.view_store.values import ValuesContract


class ForgetsFences(MemoryViewStore):
    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        await super().save(generation, shard, changes, expected, Checkpoint(reached.mark, 0), parking)


class IgnoresWhereItIs(MemoryViewStore):
    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        now = await self.checkpoint(generation, shard)
        await super().save(generation, shard, changes, now.mark, reached, parking)


class SavesOneByOne(MemoryViewStore):
    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        for change in changes:
            await super().save(generation, shard, [change], expected, Checkpoint(expected, 0))
        await super().save(generation, shard, [], expected, reached, parking)


class SortsAsText(MemoryViewStore):
    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        found = await super().find(table, search, of)
        name = search.order_by[0].lstrip("-")
        return found._replace(rows=sorted(found.rows, key=lambda row: str(row.values[name])))


class EndsBehindNone(MemoryViewStore):
    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        found = await super().find(table, search, of)
        return found._replace(rows=[]) if search.after is not None and None in search.after else found


class SeesNoCase(MemoryViewStore):
    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        folded = [Condition(one.column, one.operator, str(one.value).lower()) for one in search.conditions]
        return await super().find(table, msgspec.structs.replace(search, conditions=tuple(folded)), of)


class RoundsDecimals(MemoryViewStore):
    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        rounded = [
            change._replace(values={name: _normal(value) for name, value in (change.values or {}).items()})
            for change in changes
        ]
        await super().save(generation, shard, rounded, expected, reached, parking)


def _normal(value: Any) -> Any:
    return value.normalize() if hasattr(value, "normalize") else value


Check = Callable[[Any], Awaitable[None]]
PLANTED: list[tuple[type[MemoryViewStore], Check]] = [
    (ForgetsFences, SaveContract().test_a_save_with_a_lower_fence_changes_nothing),
    (IgnoresWhereItIs, SaveContract().test_only_one_of_several_savers_from_one_place_wins),
    (SavesOneByOne, SaveContract().test_a_change_that_cannot_be_stored_leaves_all_of_its_batch_out),
    (SortsAsText, lambda store: OrderContract().test_a_sort_equals_pythons(store, Kind.DECIMAL, falling=False)),
    (
        EndsBehindNone,
        lambda store: KeysetContract().test_pages_one_after_another_equal_the_whole(store, Kind.DATE, ("field",), 1),
    ),
    (SeesNoCase, lambda store: FilterContract().test_text_is_matched_literally_and_by_case(store, "contains", "A")),
    (RoundsDecimals, lambda store: ValuesContract().test_a_decimal_keeps_its_exponent(store, "1.10")),
]


@pytest.mark.parametrize(("store", "check"), PLANTED, ids=[store.__name__ for store, _ in PLANTED])
async def test_planted_bug_is_found(store: type[MemoryViewStore], check: Check) -> None:
    await check(MemoryViewStore())

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await check(store())
