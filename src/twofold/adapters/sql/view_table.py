"""The table of one generation of a view: names, definition and statements, rendered from declared fields."""

from __future__ import annotations

from typing import NamedTuple

from twofold.adapters.sql.view_dialect import Dialect, KindFormat
from twofold.adapters.sql.view_names import EXACT_SUFFIX, POSITION, SHARD, check_names, compared, index_name, quoted
from twofold.read.view_store import Column, Kind, ViewTable

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
    def written(self) -> list[str]:
        """Every quoted column, in the order in which values are written."""
        return [*self.declared, *map(self._compared, self._ordered), *map(_exact, self._exact), SHARD, POSITION]

    @property
    def types(self) -> list[str]:
        """The type of each column of `written`."""
        declared = [self._format(column).type for column in (*self.table.columns, *self._ordered)]
        return [*declared, *["text" for _ in self._exact], self.dialect.integer, self.dialect.integer]

    @property
    def selected(self) -> list[str]:
        """Every quoted column that a row is made of, in the order in which it is read."""
        return [*self.declared, POSITION, *map(_exact, self._exact)]

    @property
    def changed(self) -> list[str]:
        """The quoted columns that an update writes: not those of the key, unless equal keys may differ in them."""
        fixed = set(self.key) - {quoted(column.name) for column in self._exact}
        return [name for name in self.written if name not in fixed]

    @property
    def key(self) -> list[str]:
        """The quoted columns that a key is compared with."""
        return [self._compared(self._column(name)) for name in self.table.key]

    @property
    def key_types(self) -> list[str]:
        """The type of each column of `key`."""
        return [self._format(self._column(name)).type for name in self.table.key]

    def create(self) -> list[str]:
        """The statements that make the empty table. Raises MisuseError when the view cannot be a table."""
        check_names(self.table, self.dialect)
        integer = self.dialect.integer
        lines = [self._definition(quoted(column.name), column) for column in self.table.columns]
        lines += [self._definition(self._compared(column), column) for column in self._ordered]
        lines += [f"{_exact(column)} text" for column in self._exact]
        lines += [
            f"{SHARD} {integer} NOT NULL",
            f"{POSITION} {integer} NOT NULL",
            f"PRIMARY KEY ({', '.join(self.key)})",
        ]
        body = ",\n    ".join(lines)
        return [f"CREATE TABLE {self.name} (\n    {body}\n){self.dialect.table_options}"]

    def indexes(self) -> dict[str, str]:
        """The declared indexes: by name, the statement that makes one where it is missing."""
        made = {}
        for names in self.table.indexes:
            name = index_name(self.table.view, str(self.number), *names)
            columns = ", ".join([*map(self._indexed, map(self._column, names)), *self.key])
            made[name] = f"CREATE INDEX IF NOT EXISTS {quoted(name)} ON {self.name} ({columns})"
        return made

    def publish(self) -> list[str]:
        """The statements that make this generation what people see under the view's own name."""
        return [f"DROP VIEW IF EXISTS {self._published}", f"CREATE VIEW {self._view}"]

    def republish(self) -> str:
        """The statement that does so in place, keeping who may read it; not when columns are gone or of other types."""
        return f"CREATE OR REPLACE VIEW {self._view}"

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

    @property
    def _published(self) -> str:
        return self.dialect.schema + quoted(self.table.view)

    @property
    def _view(self) -> str:
        return f"{self._published} AS SELECT {', '.join(self.declared)} FROM {self.name}"

    @property
    def _ordered(self) -> list[Column]:
        """The columns with one beside them that is compared in their place."""
        return [column for column in self.table.columns if self._format(column).order]

    @property
    def _exact(self) -> list[Column]:
        """The columns with one beside them that keeps what they would lose."""
        return [column for column in self.table.columns if self._format(column).exact]

    def _column(self, name: str) -> Column:
        return next(column for column in self.table.columns if column.name == name)

    def _compared(self, column: Column) -> str:
        return compared(column, self.dialect)

    def _indexed(self, column: Column) -> str:
        return self._compared(column) + (self.dialect.none_first if column.optional else "")

    def _format(self, column: Column) -> KindFormat:
        return self.dialect.format(column)

    def _definition(self, name: str, column: Column) -> str:
        kept = self._format(column)
        return f"{name} {kept.type}{kept.options}{self._not_null(column)}"

    def _not_null(self, column: Column) -> str:
        return "" if column.optional or column.kind is Kind.JSON else " NOT NULL"

    def _tuples(self, width: int, rows: int) -> str:
        starts = range(1, width * rows + 1, width)
        return ", ".join(f"({', '.join(map(self.dialect.parameter, range(n, n + width)))})" for n in starts)


def _exact(column: Column) -> str:
    return quoted(column.name + EXACT_SUFFIX)
