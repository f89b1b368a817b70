"""Rows between Python and a table: prepared once a table, run once a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from twofold.adapters.sql.view_dialect import Convert, Dialect
from twofold.read.view_store import Column, Key, StoredRow, ViewTable

Written = tuple[Mapping[str, Any], int, int]
"""A row to be written: its values, its shard and the position of the last event it has folded."""


class RowFormat:
    """Turns rows of one table into values to bind, and what was read back into rows."""

    def __init__(self, table: ViewTable, dialect: Dialect) -> None:
        kept = [(place, column.name, dialect.format(column)) for place, column in enumerate(table.columns)]
        self._names = tuple(column.name for column in table.columns)
        self._width = len(self._names)
        self._pick = picker(self._names)
        self._writes = [(place, way.write) for place, _, way in kept if way.write is not None]
        self._reads = [(name, way.read) for _, name, way in kept if way.read is not None]
        self._orders = [(place, way.order) for place, _, way in kept if way.order is not None]
        by_name = {column.name: column for column in table.columns}
        self._key = [comparing(by_name[name], dialect) for name in table.key]
        self._plain_key = all(convert is None for convert in self._key)
        self.key_of: Callable[[Mapping[str, Any]], Key] = picker(table.key)

    def bindings(self, written: Written) -> list[Any]:
        """The values of a row in the order of `RowTable.written`."""
        values, shard, position = written
        picked = self._pick(values)
        row = list(picked)
        for place, write in self._writes:
            if picked[place] is not None:
                row[place] = write(picked[place])
        for place, order in self._orders:
            row.append(None if picked[place] is None else order(picked[place]))
        row.append(shard)
        row.append(position)
        return row

    def key_bindings(self, key: Key) -> Sequence[Any]:
        """The parts of *key* as they are compared."""
        if self._plain_key:
            return key
        return [part if convert is None else convert(part) for convert, part in zip(self._key, key, strict=True)]

    def row(self, read: Sequence[Any]) -> StoredRow:
        """The row behind the declared columns and the position, as they were read; more columns may follow."""
        values = dict(zip(self._names, read, strict=False))
        for name, convert in self._reads:
            value = values[name]
            if value is not None:
                values[name] = convert(value)
        return StoredRow(values, read[self._width])


def comparing(column: Column, dialect: Dialect) -> Convert | None:
    """What turns a value of *column* into the one that is compared, or None."""
    kept = dialect.format(column)
    return kept.order or kept.write


def picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A function that takes the values of *names* out of a mapping, as a tuple."""
    if len(names) == 1:
        (name,) = names
        return lambda values: (values[name],)
    return itemgetter(*names) if names else lambda _: ()
