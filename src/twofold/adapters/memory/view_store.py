"""The reference view store: rows in dictionaries, gone when the process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cmp_to_key
from operator import contains, eq, ge, gt, le, lt, ne
from typing import Any
from uuid import uuid4

import msgspec

from twofold.errors import LeaseLostError
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.view_store import (
    Checkpoint,
    Condition,
    Counted,
    Found,
    Generation,
    Key,
    Kind,
    RowChange,
    Search,
    StoredRow,
    ViewTable,
    full_order,
)

_Test = Callable[[Any, Any], bool]
_ALWAYS: dict[str, _Test] = {"eq": eq, "ne": ne, "isnull": lambda value, wanted: (value is None) is wanted}
_OF_VALUES: dict[str, _Test] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
    "in": lambda value, wanted: value in wanted,
    "contains": contains,
    "startswith": str.startswith,
}


class _Copy:
    """One generation: its rows by key and where each shard is."""

    def __init__(self, generation: Generation, table: ViewTable) -> None:
        self.generation = generation
        self.rows: dict[Key, StoredRow] = {}
        self.shards: dict[Key, int] = {}
        start = Checkpoint(Mark(generation.epoch, 0, NO_CHECK), 0)
        self.checkpoints = dict.fromkeys(range(generation.shards), start)
        self._nested = [(column.name, column.type) for column in table.columns if column.kind is Kind.JSON]

    def encoded(self, change: RowChange) -> StoredRow | None:
        if change.values is None:
            return None
        values = dict(change.values)
        for name, _ in self._nested:
            values[name] = None if values[name] is None else msgspec.json.encode(values[name])
        return StoredRow(values, change.position)

    def put(self, key: Key, row: StoredRow | None, shard: int) -> None:
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
            self.shards[key] = shard

    def read(self, row: StoredRow) -> StoredRow:
        values = dict(row.values)
        for name, kind in self._nested:
            values[name] = None if values[name] is None else msgspec.json.decode(values[name], type=kind)
        return StoredRow(values, row.position)

    @property
    def mark(self) -> Mark:
        return min((checkpoint.mark for checkpoint in self.checkpoints.values()), key=lambda mark: mark.position)


class MemoryViewStore:
    """Keeps the `ViewStore` contract in the simplest way that can be right."""

    def __init__(self) -> None:
        self.identity = uuid4().hex
        self._live: dict[str, _Copy] = {}

    async def open_generation(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """The live generation of the view, made if there is none."""
        copy = self._live.get(table.view)
        if copy is None:
            generation = Generation(table.view, 1, table.fingerprint, epoch, shards, "live")
            copy = self._live[table.view] = _Copy(generation, table)
        return copy.generation

    async def checkpoint(self, generation: Generation, shard: int) -> Checkpoint:
        """Where *shard* is."""
        return self._live[generation.view].checkpoints[shard]

    async def load(self, generation: Generation, shard: int, keys: Sequence[Key]) -> dict[Key, StoredRow]:  # noqa: ARG002
        """The rows with those keys."""
        copy = self._live[generation.view]
        return {key: copy.read(copy.rows[key]) for key in keys if key in copy.rows}

    async def save(
        self, generation: Generation, shard: int, changes: Sequence[RowChange], expected: Mark, reached: Checkpoint
    ) -> None:
        """Apply *changes* and move the checkpoint, all or nothing."""
        copy = self._live[generation.view]
        now = copy.checkpoints[shard]
        if now.mark != expected:
            raise LeaseLostError(f"{generation.view} is at {now.mark.position}, not at {expected.position}")
        if now.fence > reached.fence:
            raise LeaseLostError(f"{generation.view} has seen lease {now.fence}; {reached.fence} is over")
        rows = [(change.key, copy.encoded(change)) for change in changes]
        for key, row in rows:
            copy.put(key, row, shard)
        copy.checkpoints[shard] = reached

    async def get(self, table: ViewTable, key: Key) -> Found:
        """The row with this key: one or none."""
        copy = self._copy(table)
        row = copy.rows.get(key)
        if row is None:
            return Found([], copy.mark, copy.generation.number)
        return Found([copy.read(row)], copy.checkpoints[copy.shards[key]].mark, copy.generation.number)

    async def find(self, table: ViewTable, search: Search) -> Found:
        """The rows that match, in order."""
        copy = self._copy(table)
        order = full_order(table, search.order_by)
        found = in_order(_matching(copy.rows.values(), search.conditions), order)
        if search.after is not None:
            found = [row for row in found if _place(row.values, order, search.after) > 0]
        rows = [copy.read(row) for row in found[: search.limit]]
        return Found(rows, copy.mark, copy.generation.number)

    async def count(self, table: ViewTable, conditions: Sequence[Condition]) -> Counted:
        """How many rows match."""
        copy = self._copy(table)
        return Counted(len(_matching(copy.rows.values(), conditions)), copy.mark, copy.generation.number)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _copy(self, table: ViewTable) -> _Copy:
        found = self._live.get(table.view)
        return found or _Copy(Generation(table.view, 0, table.fingerprint, "", 1, "missing"), table)


def _matching(rows: Iterable[StoredRow], conditions: Sequence[Condition]) -> list[StoredRow]:
    return [row for row in rows if all(matches(row.values[one.column], one) for one in conditions)]


def matches(value: Any, condition: Condition) -> bool:
    """Whether a column's *value* passes the test."""
    always = _ALWAYS.get(condition.operator)
    if always is not None:
        return always(value, condition.value)
    return value is not None and _OF_VALUES[condition.operator](value, condition.value)


def in_order(rows: Sequence[StoredRow], order: Sequence[tuple[str, bool]]) -> list[StoredRow]:
    """*rows* sorted by columns, each rising or (True) falling."""

    def compare(a: StoredRow, b: StoredRow) -> int:
        return _place(a.values, order, [b.values[name] for name, _ in order])

    return sorted(rows, key=cmp_to_key(compare))


def _place(values: Mapping[str, Any], order: Sequence[tuple[str, bool]], after: Sequence[Any]) -> int:
    """Below 0 when a row with *values* comes before the place *after*, above 0 when it comes behind it."""
    for (name, falling), other in zip(order, after, strict=True):
        value = values[name]
        if value == other:
            continue
        rises = other is not None and (value is None or value < other)
        return -1 if rises != falling else 1
    return 0
