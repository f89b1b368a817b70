"""What differs from one SQL database to the next about view tables: types, parameters and a function's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twofold.read.view_store import Column, Kind

Convert = Callable[[Any], Any]


class KindFormat(NamedTuple):
    """How a database keeps one kind of value: the column's type, and the ways in and out (None: as it is).

    `order` is set where the stored value does not sort as Python does: it makes the value of a second column,
    which is compared, sorted and indexed in place of the first.
    """

    type: str
    write: Convert | None = None
    read: Convert | None = None
    order: Convert | None = None


class Dialect(NamedTuple):
    """One database's way of saying things. `parameter` gives the placeholder of the n-th value (from 1);
    `instr` is the function for the place of one text in another, 0 when it is not there.
    """

    kinds: Mapping[Kind, Callable[[Column], KindFormat]]
    parameter: Callable[[int], str]
    instr: str
    table_options: str

    def format(self, column: Column) -> KindFormat:
        """How values of *column* are kept."""
        return self.kinds[column.kind](column)
