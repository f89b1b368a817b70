"""The table of one generation of a view: its columns and statements, rendered from declared fields."""

from __future__ import annotations

from typing import NamedTuple

from twofold.adapters.sql.view_dialect import Dialect, KindFormat
from twofold.adapters.sql.view_names import POSITION, SHARD, compared, exact_name, quoted
from twofold.read.view_store import Column, ViewTable

# Longer statements (16 KiB of text) are prepared again each time.
_PARAMETERS_MAX = 4_000


class RowTable(NamedTuple):
    """One generation's table. Everything here is SQL text; no value is in it."""

    table: ViewTable
    number: int
    dialect: Dialect

    @property
    def name(self) -> str:
        """The quoted name of the table: `"AccountPage__1"`."""
        return self.dialect.schema + quoted(f"{self.table.view}__{self.number}")

    @property
    def declared(self) -> list[str]:
        """The quoted names of the declared columns, in order."""
        return [quoted(column.name) for column in self.table.columns]

    @property
    def ordered(self) -> list[Column]:
        """The columns with one beside them that is compared in their place."""
        return [column for column in self.table.columns if self._format(column).order]

    @property
    def exact(self) -> list[Column]:
        """The columns with one beside them that keeps what they would lose."""
        return [column for column in self.table.columns if self._format(column).exact]

    @property
    def written(self) -> list[str]:
        """Every quoted column, in the order in which values are written."""
        return [*self.declared, *map(self._compared, self.ordered), *map(exact_name, self.exact), SHARD, POSITION]

    @property
    def types(self) -> list[str]:
        """The type of each column of `written`."""
        declared = [self._format(column).type for column in (*self.table.columns, *self.ordered)]
        return [*declared, *["text" for _ in self.exact], self.dialect.integer, self.dialect.integer]

    @property
    def selected(self) -> list[str]:
        """Every quoted column that a row is made of, in the order in which it is read."""
        return [*self.declared, POSITION, *map(exact_name, self.exact)]

    @property
    def changed(self) -> list[str]:
        """The quoted columns that an update writes: not those of the key, unless equal keys may differ in them."""
        fixed = set(self.key) - {quoted(column.name) for column in self.exact}
        return [name for name in self.written if name not in fixed]

    @property
    def key(self) -> list[str]:
        """The quoted columns that a key is compared with."""
        return [self._compared(self.column(name)) for name in self.table.key]

    @property
    def key_types(self) -> list[str]:
        """The type of each column of `key`."""
        return [self._format(self.column(name)).type for name in self.table.key]

    def column(self, name: str) -> Column:
        """The declared column of that name."""
        return next(column for column in self.table.columns if column.name == name)

    def upsert(self, rows: int) -> str:
        """Write that many rows, each given as the values of `written`."""
        columns = self.written
        changed = ", ".join(f"{name} = excluded.{name}" for name in self.changed)
        into = f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES {self._tuples(len(columns), rows)}"
        return f"{into} ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {changed}"

    def delete(self, rows: int) -> str:
        """Delete the rows with that many keys."""
        return f"DELETE FROM {self.name} WHERE ({', '.join(self.key)}) IN (VALUES {self._tuples(len(self.key), rows)})"

    def get(self, beside: str, bound: int) -> str:
        """The declared columns, the position and the value of the query *beside* for one key, in one statement.

        The *bound* values of *beside* come first, then those of the key. No row, no answer.
        """
        columns = ", ".join(self.selected)
        same = " AND ".join(f"{name} = {self.dialect.parameter(n)}" for n, name in enumerate(self.key, bound + 1))
        return f"SELECT {columns}, ({beside}) FROM {self.name} WHERE {same}"

    def load(self, rows: int) -> str:
        """The declared columns and the position of the rows with that many keys."""
        columns = ", ".join(f"r.{name}" for name in self.selected)
        on = " AND ".join(f"r.{name} = wanted.column{place}" for place, name in enumerate(self.key, 1))
        values = self._tuples(len(self.key), rows)
        return f"SELECT {columns} FROM (VALUES {values}) AS wanted CROSS JOIN {self.name} AS r WHERE {on}"

    def rows_at_once(self) -> int:
        """How many rows one statement may write, by the number of its parameters."""
        return max(1, _PARAMETERS_MAX // len(self.written))

    def _compared(self, column: Column) -> str:
        return compared(column, self.dialect)

    def _format(self, column: Column) -> KindFormat:
        return self.dialect.format(column)

    def _tuples(self, width: int, rows: int) -> str:
        starts = range(1, width * rows + 1, width)
        return ", ".join(f"({', '.join(map(self.dialect.parameter, range(n, n + width)))})" for n in starts)
