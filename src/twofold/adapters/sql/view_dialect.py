"""What differs from one SQL database to the next about view tables: types, parameters and names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twofold.read.view_store import Column, Kind

Convert = Callable[[Any], Any]


class Exact(NamedTuple):
    """What a text column beside the first one keeps: `write` gives the text when the first alone would lose
    something, else None; `read` makes the value of that text.
    """

    write: Convert
    read: Convert


class KindFormat(NamedTuple):
    """How a database keeps one kind of value: the column's type, and the ways in and out (None: as it is).

    `order` is set where the stored value does not sort as Python does: it makes the value of a second column,
    which is compared, sorted and indexed in place of the first. `exact` is set where the stored value sorts as it
    should and loses something else. `options` follow the type where the column is defined.
    """

    type: str
    write: Convert | None = None
    read: Convert | None = None
    order: Convert | None = None
    exact: Exact | None = None
    options: str = ""


class Dialect(NamedTuple):
    """One database's way of saying things.

    Attributes:
        kinds: how it keeps each kind of value.
        parameter: the placeholder of the n-th value (from 1).
        instr: the function for the place of one text in another, 0 when it is not there.
        table_options: what follows a table's definition.
        integer: the type of 64-bit integers.
        schema: what stands in front of a table's name.
        none_first: what puts None first in an index of a column that may be None.
        arrays: whether a parameter may be a list of values.
        name_bytes: the longest name of a view or field, where longer ones would be cut.
        reserved: names in `schema` that are the store's own.
    """

    kinds: Mapping[Kind, Callable[[Column], KindFormat]]
    parameter: Callable[[int], str]
    instr: str
    table_options: str
    integer: str = "INTEGER"
    schema: str = ""
    none_first: str = ""
    arrays: bool = False
    name_bytes: int | None = None
    reserved: frozenset[str] = frozenset()

    def format(self, column: Column) -> KindFormat:
        """How values of *column* are kept."""
        return self.kinds[column.kind](column)
