"""Statements for databases that take a list as one value: any number of rows in one statement, prepared once."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.adapters.sql.view_table import RowTable


def render_save(rows: RowTable, moving: str, bound: int, ending: str) -> str:
    """The statement that moves the checkpoint, deletes and writes rows: all of it, or nothing.

    *moving* moves the checkpoint with its *bound* values and returns a row when it could; *ending* selects from
    `moved`. Behind those values comes a list for each part of the keys to delete, then one for each column of
    `written`. No key may be both deleted and written.
    """
    width = len(rows.key)
    keys = _lists(rows, rows.key_types, bound)
    same = " AND ".join(f"r.{name} = gone.k{place}" for place, name in enumerate(rows.key, 1))
    written = ", ".join(rows.written)
    changed = ", ".join(f"{name} = excluded.{name}" for name in rows.changed)
    return f"""WITH moved AS (
{moving}
), deleted AS (
DELETE FROM {rows.name} AS r USING moved, unnest({keys}) AS gone ({_parts(width)}) WHERE {same}
), upserted AS (
INSERT INTO {rows.name} ({written})
SELECT kept.* FROM moved, unnest({_lists(rows, rows.types, bound + width)}) AS kept
ON CONFLICT ({", ".join(rows.key)}) DO UPDATE SET {changed}
)
{ending}"""


def render_load(rows: RowTable) -> str:
    """The columns of `selected` of the rows with given keys: a list for each part of the key."""
    columns = ", ".join(f"r.{name}" for name in rows.selected)
    same = " AND ".join(f"r.{name} = wanted.k{place}" for place, name in enumerate(rows.key, 1))
    wanted = f"unnest({_lists(rows, rows.key_types, 0)}) AS wanted ({_parts(len(rows.key))})"
    return f"SELECT {columns} FROM {wanted} JOIN {rows.name} AS r ON {same}"


def render_get(rows: RowTable, beside: str, bound: int, own: str | None = None) -> str:
    """The columns of `selected` of the row with one key, and behind them the only column of the query *beside*.

    No row of *beside*, no answer; without a row with that key, the columns before the last one are NULL. The *bound*
    values of *beside* come first, then those of the key. *own* is a query for what stands in the place of *beside* when
    there is a row; the row is called `r` in it.
    """
    columns = ", ".join(f"r.{name}" for name in rows.selected)
    same = " AND ".join(f"r.{name} = {rows.dialect.parameter(n)}" for n, name in enumerate(rows.key, bound + 1))
    last = f"coalesce(({own}), b.mark)" if own else "b.mark"
    return f"SELECT {columns}, {last} FROM ({beside}) AS b (mark) LEFT JOIN {rows.name} AS r ON {same}"


def _lists(rows: RowTable, types: Sequence[str], bound: int) -> str:
    return ", ".join(f"{rows.dialect.parameter(n)}::{type_}[]" for n, type_ in enumerate(types, bound + 1))


def _parts(width: int) -> str:
    return ", ".join(f"k{place}" for place in range(1, width + 1))
