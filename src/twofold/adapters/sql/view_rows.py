"""Rows between Python and a table: compiled once a table, run once a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from twofold.adapters.sql.view_dialect import Convert, Dialect
from twofold.read.view_store import Column, Key, RowChange, StoredRow, ViewTable


class RowFormat:
    """Turns rows of one table into values to bind, and what was read back into rows.

    Attributes:
        bindings: from a row's values, its shard and its position, what to bind for `RowTable.written`.
        row: the row behind what was read of `RowTable.selected`; more columns may follow.
        key_of: the key of a row's values.
        key_bindings: the parts of a key as they are compared.
    """

    def __init__(self, table: ViewTable, dialect: Dialect) -> None:
        self.bindings: Callable[[Mapping[str, Any], int, int], tuple[Any, ...]] = _compiled(*_bindings(table, dialect))
        self.row: Callable[[Sequence[Any]], StoredRow] = _compiled(*_row(table, dialect))
        self.key_of: Callable[[Mapping[str, Any]], Key] = picker(table.key)
        by_name = {column.name: column for column in table.columns}
        converts = [comparing(by_name[name], dialect) for name in table.key]
        self.key_bindings: Callable[[Key], tuple[Any, ...]] = _converted(converts) if any(converts) else tuple


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


def by_table(changes: Sequence[RowChange]) -> list[tuple[str, Sequence[RowChange]]]:
    """*changes* by the name of the lookup whose rows they are; first those of the view's own rows, also if none are."""
    own = [change for change in changes if not change.table]
    names = dict.fromkeys(change.table for change in changes if change.table)
    return [("", own), *((name, [change for change in changes if change.table == name]) for name in names)]


def _converted(converts: Sequence[Convert | None]) -> Callable[[Key], tuple[Any, ...]]:
    def key_bindings(key: Key) -> tuple[Any, ...]:
        parts = zip(converts, key, strict=True)
        return tuple([part if convert is None else convert(part) for convert, part in parts])

    return key_bindings


# --- code made for one table: half the time of a loop over its columns ------------------------


def _bindings(table: ViewTable, dialect: Dialect) -> tuple[str, dict[str, Any]]:
    names: dict[str, Any] = {}
    values, orders, exacts = [], [], []
    for place, column in enumerate(table.columns):
        kept = dialect.format(column)
        value = f"values[{column.name!r}]"
        values.append(_call(f"write{place}", kept.write, value, names))
        if kept.order is not None:
            orders.append(_call(f"order{place}", kept.order, value, names))
        if kept.exact is not None:
            exacts.append(_call(f"exact{place}", kept.exact.write, value, names))
    body = "".join(f"{part}, " for part in [*values, *orders, *exacts])
    return f"lambda values, shard, position: ({body}shard, position)", names


def _row(table: ViewTable, dialect: Dialect) -> tuple[str, dict[str, Any]]:
    names: dict[str, Any] = {"new": tuple.__new__, "StoredRow": StoredRow}
    position = len(table.columns)
    exact_place = position
    items = []
    for place, column in enumerate(table.columns):
        kept = dialect.format(column)
        value = _call(f"read{place}", kept.read, f"read[{place}]", names)
        if kept.exact is not None:
            exact_place += 1
            names[f"exact{place}"] = kept.exact.read
            value = f"({value} if (text := read[{exact_place}]) is None else exact{place}(text))"
        items.append(f"{column.name!r}: {value}")
    values = "{" + ", ".join(items) + "}"
    return f"lambda read: new(StoredRow, ({values}, read[{position}]))", names


def _call(name: str, convert: Convert | None, value: str, names: dict[str, Any]) -> str:
    """The source of *convert* applied to *value*, which may be None."""
    if convert is None:
        return value
    names[name] = convert
    return f"(None if (one := {value}) is None else {name}(one))"


def _compiled(source: str, names: dict[str, Any]) -> Any:
    """The function behind *source*, in which nothing but field names, as literals, comes from a user's code."""
    return eval(compile(source, "<view rows>", "eval"), names)  # noqa: S307 - our own source
