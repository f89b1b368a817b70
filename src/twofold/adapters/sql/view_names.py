"""Names of tables and columns: quoted, and refused where a database would mistake them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from twofold.adapters.sql.view_dialect import Dialect
from twofold.errors import MisuseError
from twofold.read.view_store import Column, ViewTable

SHARD = '"_shard"'
POSITION = '"_position"'
ORDER_SUFFIX = "__order"
EXACT_SUFFIX = "__exact"
_OURS = ("_shard", "_position")
_RESERVED = ("sqlite_", "twofold_", "pg_")
_INDEX_BYTES = 63


def quoted(name: str) -> str:
    """*name* as an SQL identifier. Raises MisuseError for a name that no database takes."""
    if not name or "\0" in name:
        raise MisuseError(f"{name!r} cannot name a table or column")
    return '"' + name.replace('"', '""') + '"'


def compared(column: Column, dialect: Dialect) -> str:
    """The quoted column that compares and sorts as *column*'s values do."""
    return quoted(column.name + ORDER_SUFFIX if dialect.format(column).order else column.name)


def exact_name(column: Column) -> str:
    """The quoted column that keeps what *column*'s would lose."""
    return quoted(column.name + EXACT_SUFFIX)


def index_name(*parts: str) -> str:
    """A name made of *parts* that no database cuts: a long one ends with a digest of the whole."""
    name = "__".join(parts)
    if len(name.encode()) <= _INDEX_BYTES:
        return name
    digest = blake2b(name.encode(), digest_size=8).hexdigest()
    return name.encode()[: _INDEX_BYTES - len(digest) - 2].decode(errors="ignore") + "__" + digest


def check_names(table: ViewTable, dialect: Dialect | None = None) -> None:
    """Raises MisuseError, listing every fault, when the view or its fields cannot be a table's."""
    faults = [*_faults(table), *(_faults_of(table, dialect) if dialect else ())]
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


def _faults_of(table: ViewTable, dialect: Dialect) -> Iterator[str]:
    """What only this database refuses."""
    if table.view in dialect.reserved:
        yield "its name is that of a table of the store's own"
    if dialect.name_bytes is None:
        return
    for what, name in (("its name", table.view), *((f"field {each.name}", each.name) for each in table.columns)):
        if len(name.encode()) > dialect.name_bytes:
            yield f"{what} is longer than {dialect.name_bytes} bytes, and would be cut"
