"""What a store remembers of a generation's table, for code that knows another shape of it, and keys as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from twofold.adapters.sql.view_marks import mark_of
from twofold.errors import OtherRowsError
from twofold.read.generations import Kept
from twofold.read.view_store import Column, Generation, Key, Kind, ViewTable

_LOOKUP = "lookup"


def shape_json(table: ViewTable) -> str:
    """The columns of *table* and the names of its lookups, as the store keeps them."""
    columns = [(column.name, column.kind.value, column.optional) for column in table.columns]
    return msgspec.json.encode([*columns, *((lookup.view, _LOOKUP, False) for lookup in table.lookups)]).decode()


def remembered(view: str, shape: str) -> ViewTable:
    """The table that *shape* describes: good for naming its columns and lookups, not for reading nested values."""
    parts = msgspec.json.decode(shape)
    columns = [Column(name, Kind(kind), optional, object) for name, kind, optional in parts if kind != _LOOKUP]
    lookups = [ViewTable(name, (), (), (), "") for name, kind, _ in parts if kind == _LOOKUP]
    return ViewTable(view, tuple(columns), (), (), "", lookups=tuple(lookups))


def refuse_other_columns(shape: str, table: ViewTable) -> None:
    """Raises OtherRowsError when *table* has columns that the live generation, of that *shape*, lacks."""
    there = {name: kind for name, kind, _ in msgspec.json.decode(shape)}
    other = [column.name for column in table.columns if there.get(column.name) != column.kind.value]
    if there and other:
        raise OtherRowsError(
            f"the live rows of {table.view} were built by other code, without {', '.join(other)} as this code has it",
            f"build them with this code (`twofold view rebuild {table.view}`), or bring that code back",
        )


def recipe_json(table: ViewTable) -> str:
    """The recipe, as the store keeps it."""
    return msgspec.json.encode(dict(table.recipe)).decode()


def kept_of(row: Sequence[Any]) -> Kept:
    """What a row of `generations.sql` says: a generation, recipe, lowest and highest mark, why, since when."""
    *generation, recipe, lowest, highest, why, changed_at = row
    return Kept(
        Generation(*generation), msgspec.json.decode(recipe), mark_of(lowest), mark_of(highest), why, changed_at
    )


def key_json(key: Key) -> str:
    """*key* as text that is the same for the same key."""
    return msgspec.json.encode(key).decode()


def key_of_json(table: ViewTable, text: str) -> Key:
    """The key behind `key_json`."""
    by_name = {column.name: column for column in table.columns}
    kinds: Any = tuple[tuple(by_name[name].type for name in table.key)]  # type: ignore[misc]
    found: Key = msgspec.json.decode(text, type=kinds)
    return found
