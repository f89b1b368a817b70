"""Making the table of a generation, its indexes, and what people see of it."""

from __future__ import annotations

from twofold.adapters.sql.view_names import POSITION, SHARD, check_names, compared, exact_name, index_name, quoted
from twofold.adapters.sql.view_table import RowTable
from twofold.read.view_store import Column, Kind


def create_table(rows: RowTable) -> str:
    """The statement that makes the empty table. Raises MisuseError when the view cannot be a table."""
    check_names(rows.table, rows.dialect)
    lines = [_definition(rows, quoted(column.name), column) for column in rows.table.columns]
    lines += [_definition(rows, compared(column, rows.dialect), column) for column in rows.ordered]
    lines += [f"{exact_name(column)} text" for column in rows.exact]
    lines += [f"{name} {rows.dialect.integer} NOT NULL" for name in (SHARD, POSITION)]
    lines.append(f"PRIMARY KEY ({', '.join(rows.key)})")
    body = ",\n    ".join(lines)
    return f"CREATE TABLE {rows.name} (\n    {body}\n){rows.dialect.table_options}"


def drop_table(rows: RowTable) -> str:
    """The statement that drops the table with its rows."""
    return f"DROP TABLE IF EXISTS {rows.name}"


def create_indexes(rows: RowTable) -> dict[str, str]:
    """The declared indexes: by name, the statement that makes one where it is missing."""
    made = {}
    for names in rows.table.indexes:
        name = index_name(rows.table.view, str(rows.number), *names)
        columns = ", ".join([*(_indexed(rows, rows.column(part)) for part in names), *rows.key])
        made[name] = f"CREATE INDEX IF NOT EXISTS {quoted(name)} ON {rows.name} ({columns})"
    return made


def publish(rows: RowTable) -> list[str]:
    """The statements that make this generation what people see under the view's own name."""
    return [f"DROP VIEW IF EXISTS {_published(rows)}", f"CREATE VIEW {_view(rows)}"]


def republish(rows: RowTable) -> str:
    """The statement that does so in place, keeping who may read it; not where columns are gone or of other types."""
    return f"CREATE OR REPLACE VIEW {_view(rows)}"


def _published(rows: RowTable) -> str:
    return rows.dialect.schema + quoted(rows.table.view)


def _view(rows: RowTable) -> str:
    return f"{_published(rows)} AS SELECT {', '.join(rows.declared)} FROM {rows.name}"


def _indexed(rows: RowTable, column: Column) -> str:
    return compared(column, rows.dialect) + (rows.dialect.none_first if column.optional else "")


def _definition(rows: RowTable, name: str, column: Column) -> str:
    kept = rows.dialect.format(column)
    not_null = "" if column.optional or column.kind is Kind.JSON else " NOT NULL"
    return f"{name} {kept.type}{kept.options}{not_null}"
