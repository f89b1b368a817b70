"""The table of one generation of a view: names, definition and statements, rendered from declared fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twofold.adapters.sql.view_dialect import Dialect, KindFormat
from twofold.errors import MisuseError
from twofold.read.view_store import Column, Kind, ViewTable

SHARD = '"_shard"'
POSITION = '"_position"'
ORDER_SUFFIX = "__order"
_OURS = ("_shard", "_position")
_RESERVED = ("sqlite_", "twofold_", "pg_")
# Longer statements (16 KiB of text) are prepared again each time.
_PARAMETERS_MAX = 4_000


def quoted(name: str) -> str:
    """*name* as an SQL identifier. Raises MisuseError for a name that no database takes."""
    if not name or "\0" in name:
        raise MisuseError(f"{name!r} cannot name a table or column")
    return '"' + name.replace('"', '""') + '"'


def compared(column: Column, dialect: Dialect) -> str:
    """The quoted column that compares and sorts as *column*'s values do."""
    return quoted(column.name + ORDER_SUFFIX if dialect.format(column).order else column.name)


class RowTable(NamedTuple):
    """One generation's table. Everything here is SQL text; no value is in it."""

    table: ViewTable
    number: int
    dialect: Dialect

    @property
    def name(self) -> str:
        """The quoted name of the table: `"AccountPage__1"`."""
        return quoted(f"{self.table.view}__{self.number}")

    @property
    def declared(self) -> list[str]:
        """The quoted names of the declared columns, in order."""
        return [quoted(column.name) for column in self.table.columns]

    @property
    def written(self) -> list[str]:
        """Every quoted column, in the order in which values are written: declared, order columns, shard, position."""
        ordered = [compared(column, self.dialect) for column in self.table.columns if self._format(column).order]
        return [*self.declared, *ordered, SHARD, POSITION]

    @property
    def key(self) -> list[str]:
        """The quoted columns that a key is compared with."""
        by_name = {column.name: column for column in self.table.columns}
        return [compared(by_name[name], self.dialect) for name in self.table.key]

    def create(self) -> list[str]:
        """The statements that make the empty table. Raises MisuseError when the view cannot be a table."""
        check_names(self.table)
        lines = [self._definition(column) for column in self.table.columns]
        lines += [
            f"{compared(column, self.dialect)} {self._format(column).type}{self._not_null(column)}"
            for column in self.table.columns
            if self._format(column).order
        ]
        lines += [f"{SHARD} INTEGER NOT NULL", f"{POSITION} INTEGER NOT NULL", f"PRIMARY KEY ({', '.join(self.key)})"]
        body = ",\n    ".join(lines)
        return [f"CREATE TABLE {self.name} (\n    {body}\n){self.dialect.table_options}"]

    def create_indexes(self) -> list[str]:
        """The statements that make the declared indexes where they are missing."""
        by_name = {column.name: column for column in self.table.columns}
        made = []
        for names in self.table.indexes:
            index = quoted("__".join([self.table.view, str(self.number), *names]))
            columns = ", ".join([compared(by_name[name], self.dialect) for name in names] + self.key)
            made.append(f"CREATE INDEX IF NOT EXISTS {index} ON {self.name} ({columns})")
        return made

    def publish(self) -> list[str]:
        """The statements that make this generation what people see under the view's own name."""
        view, columns = quoted(self.table.view), ", ".join(self.declared)
        return [f"DROP VIEW IF EXISTS {view}", f"CREATE VIEW {view} AS SELECT {columns} FROM {self.name}"]

    def upsert(self, rows: int) -> str:
        """Write that many rows, each given as the values of `written`."""
        columns = self.written
        key = set(self.key)
        changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
        into = f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES {self._tuples(len(columns), rows)}"
        return f"{into} ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {changed}"

    def delete(self, rows: int) -> str:
        """Delete the rows with that many keys."""
        return f"DELETE FROM {self.name} WHERE ({', '.join(self.key)}) IN (VALUES {self._tuples(len(self.key), rows)})"

    def get(self, beside: str, bound: int) -> str:
        """The declared columns, the position and the value of the query *beside* for one key, in one statement.

        The *bound* values of *beside* come first, then those of the key. No row, no answer.
        """
        columns = ", ".join([*self.declared, POSITION])
        same = " AND ".join(f"{name} = {self.dialect.parameter(n)}" for n, name in enumerate(self.key, bound + 1))
        return f"SELECT {columns}, ({beside}) FROM {self.name} WHERE {same}"

    def load(self, rows: int) -> str:
        """The declared columns and the position of the rows with that many keys."""
        columns = ", ".join(f"r.{name}" for name in [*self.declared, POSITION])
        on = " AND ".join(f"r.{name} = wanted.column{place}" for place, name in enumerate(self.key, 1))
        values = self._tuples(len(self.key), rows)
        return f"SELECT {columns} FROM (VALUES {values}) AS wanted CROSS JOIN {self.name} AS r WHERE {on}"

    def rows_at_once(self) -> int:
        """How many rows one statement may write, by the number of its parameters."""
        return max(1, _PARAMETERS_MAX // len(self.written))

    def _format(self, column: Column) -> KindFormat:
        return self.dialect.format(column)

    def _definition(self, column: Column) -> str:
        return f"{quoted(column.name)} {self._format(column).type}{self._not_null(column)}"

    def _not_null(self, column: Column) -> str:
        return "" if column.optional or column.kind is Kind.JSON else " NOT NULL"

    def _tuples(self, width: int, rows: int) -> str:
        starts = range(1, width * rows + 1, width)
        return ", ".join(f"({', '.join(map(self.dialect.parameter, range(n, n + width)))})" for n in starts)


def check_names(table: ViewTable) -> None:
    """Raises MisuseError, listing every fault, when the view or its fields cannot be a table's."""
    faults = list(_faults(table))
    if faults:
        raise MisuseError(f"view {table.view} cannot be stored: " + "; ".join(faults))


def _faults(table: ViewTable) -> Iterator[str]:
    if table.view.lower().startswith(_RESERVED) or "__" in table.view:
        yield "its name is reserved: no '__', and not sqlite_, twofold_ or pg_ in front"
    seen: dict[str, str] = {}
    for column in table.columns:
        other = seen.setdefault(column.name.lower(), column.name)
        if other != column.name:
            yield f"fields {other} and {column.name} differ only in upper and lower case"
        if "__" in column.name or column.name in _OURS:
            yield f"field {column.name} has a name that is kept for the store's own columns"
        if column.name in table.key and column.optional:
            yield f"key field {column.name} must not be optional"
