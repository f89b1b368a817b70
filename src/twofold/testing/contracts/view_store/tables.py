"""Tables that the suites of ViewStore work on, and short ways to fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.view_store import (
    Checkpoint,
    Column,
    Condition,
    Generation,
    Key,
    Kind,
    RowChange,
    Search,
    ViewStore,
    ViewTable,
)

EPOCH = "epoch-1"
START = Mark(EPOCH, 0, NO_CHECK)
_numbers = count(1)


class Line(msgspec.Struct):
    """Something nested."""

    product: str
    price: Decimal


TYPES: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.REAL: float,
    Kind.BOOLEAN: bool,
    Kind.DECIMAL: Decimal,
    Kind.DATETIME: datetime,
    Kind.DATE: date,
    Kind.UUID: UUID,
    Kind.BYTES: bytes,
    Kind.JSON: list[Line],
}
COMPARABLE = tuple(kind for kind in Kind if kind is not Kind.JSON)


def mark(position: int) -> Mark:
    """A mark of the suites' log."""
    return Mark(EPOCH, position, position.to_bytes(8, "big"))


def new_table(
    columns: Mapping[str, Kind], *, key: tuple[str, ...] = ("id",), index: tuple[tuple[str, ...], ...] = ()
) -> ViewTable:
    """A table that no test has used before; columns outside the key may be None. `id` is a text unless given."""
    kinds = {**({"id": Kind.TEXT} if "id" in key else {}), **columns}
    declared = tuple(Column(name, kind, name not in key, TYPES[kind]) for name, kind in kinds.items())
    return ViewTable(f"View{next(_numbers)}", declared, key, index, "fingerprint-1")


class Filled(NamedTuple):
    """A table with rows, at position 1."""

    store: ViewStore
    table: ViewTable
    generation: Generation

    async def find(self, *conditions: Condition, order_by: Sequence[str] = (), **more: Any) -> list[Any]:
        """The keys of the rows that match, in order; single parts as they are."""
        search = Search(conditions, tuple(order_by), **{"limit": 1000, **more})
        rows = (await self.store.find(self.table, search)).rows
        keys = [tuple(row.values[name] for name in self.table.key) for row in rows]
        return [key[0] if len(key) == 1 else key for key in keys]

    async def values(self, key: Key) -> Mapping[str, Any]:
        """The values of one row that is there."""
        return (await self.store.get(self.table, key)).rows[0].values


async def fill(store: ViewStore, table: ViewTable, rows: Sequence[Mapping[str, Any]]) -> Filled:
    """Open *table* and save *rows*; fields left out are None."""
    generation = await store.open_generation(table, EPOCH)
    whole = [{column.name: row.get(column.name) for column in table.columns} for row in rows]
    changes = [RowChange(tuple(row[name] for name in table.key), row, 1) for row in whole]
    await store.save(generation, 0, changes, START, Checkpoint(mark(1), 0))
    return Filled(store, table, generation)
