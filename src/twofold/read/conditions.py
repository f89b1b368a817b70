"""Typed tests of a view's columns: `accounts.c.balance >= 100`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twofold.errors import ColumnUnknownError, Fault, InputError, InvalidMessageError
from twofold.read.columns import asked_value
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Column, Condition, Kind, Operator

OPERATORS: frozenset[str] = frozenset({"eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "startswith", "isnull"})
_OF_TEXT = frozenset({"contains", "startswith"})
_WITH_NONE = frozenset({"eq", "ne"})
_TRUTH = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}


def known_column(definition: ViewDefinition[Any], name: str) -> Column:
    """The column called *name*. Raises ColumnUnknownError, which lists the fields."""
    column = definition.columns.get(name)
    if column is None:
        raise ColumnUnknownError(definition.name, name, tuple(definition.columns))
    return column


def condition(definition: ViewDefinition[Any], name: str, operator: str, value: Any) -> Condition:
    """A checked test of a column; text is read as the column's type, as a URL brings it.

    Raises ColumnUnknownError for a wrong name, InvalidMessageError for a value that does not fit, InputError for a
    test that the column cannot have.
    """
    column = known_column(definition, name)
    checked = _operator(definition.name, column, operator)
    return Condition(name, checked, _value(column, checked, value))


def _operator(view: str, column: Column, operator: str) -> Operator:
    if operator not in OPERATORS:
        raise InputError(f"{operator!r} is not an operator; there are {', '.join(sorted(OPERATORS))}")
    if column.kind is Kind.JSON and operator != "isnull":
        raise InputError(f"{view}.{column.name} is nested: it cannot be compared or sorted")
    if operator in _OF_TEXT and column.kind is not Kind.TEXT:
        raise InputError(f"{operator} is for text; {view}.{column.name} is a {column.kind.value}")
    return operator  # type: ignore[return-value] # it is one of OPERATORS


def _value(column: Column, operator: Operator, value: Any) -> Any:
    if operator == "isnull":
        if not isinstance(value, bool | str) or value not in _TRUTH:
            raise InvalidMessageError(column.name, [Fault(f"$.{column.name}", f"{value!r} is not true or false")])
        return _TRUTH[value]
    if operator == "in":
        return tuple(asked_value(column, one) for one in value)
    if value is None and operator in _WITH_NONE:
        return None
    if operator in _OF_TEXT and isinstance(value, str):
        return asked_value(column._replace(type=str), value)
    return asked_value(column, value)


def checked_order(definition: ViewDefinition[Any], order_by: str | Sequence[str]) -> tuple[str, ...]:
    """Column names to sort by, each with a leading "-" for falling; one text may hold several, with commas.

    Raises ColumnUnknownError for a wrong name, InputError for a column that has no order, or comes twice.
    """
    names = [name for name in order_by.split(",") if name] if isinstance(order_by, str) else list(order_by)
    bare = [name.removeprefix("-") for name in names]
    for name in bare:
        if known_column(definition, name).kind is Kind.JSON:
            raise InputError(f"{definition.name}.{name} is nested: it cannot be compared or sorted")
    if len(set(bare)) < len(bare):
        raise InputError(f"{definition.name} is sorted by a field twice: {', '.join(names)}")
    return tuple(names)


class ColumnExpression:
    """One column of a view; comparing it gives a `Condition`."""

    __slots__ = ("_definition", "_name")
    __hash__ = None  # type: ignore[assignment] # comparing gives a Condition, so it cannot be a key

    def __init__(self, definition: ViewDefinition[Any], name: str) -> None:
        self._definition = definition
        self._name = known_column(definition, name).name

    def _test(self, operator: Operator, value: Any) -> Condition:
        return condition(self._definition, self._name, operator, value)

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        """Equal, or None."""
        return self._test("eq", value)

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        """Not equal; None is not equal to any value."""
        return self._test("ne", value)

    def __lt__(self, value: Any) -> Condition:
        """Below; never true of None."""
        return self._test("lt", value)

    def __le__(self, value: Any) -> Condition:
        """At most; never true of None."""
        return self._test("lte", value)

    def __gt__(self, value: Any) -> Condition:
        """Above; never true of None."""
        return self._test("gt", value)

    def __ge__(self, value: Any) -> Condition:
        """At least; never true of None."""
        return self._test("gte", value)

    def in_(self, values: Iterable[Any]) -> Condition:
        """One of *values*."""
        return self._test("in", tuple(values))

    def contains(self, text: str) -> Condition:
        """Text that holds *text*, upper and lower case told apart."""
        return self._test("contains", text)

    def startswith(self, text: str) -> Condition:
        """Text that starts with *text*, upper and lower case told apart."""
        return self._test("startswith", text)

    def is_null(self, yes: bool = True) -> Condition:  # noqa: FBT001, FBT002 - is_null(False) reads well
        """None; with False: not None."""
        return self._test("isnull", yes)


class Columns:
    """The columns of a view as attributes; a wrong name raises ColumnUnknownError at once."""

    __slots__ = ("_definition",)

    def __init__(self, definition: ViewDefinition[Any]) -> None:
        self._definition = definition

    def __getattr__(self, name: str) -> ColumnExpression:
        """The column called *name*."""
        if name.startswith("__"):
            raise AttributeError(name)
        return ColumnExpression(self._definition, name)
