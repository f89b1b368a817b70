"""`GET /views/{View}?field=…&field__gte=…&sort=-field&limit=…&cursor=…` as a search over declared fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, get_args

from twofold.errors import ColumnUnknownError, Fault, InputError, InvalidMessageError
from twofold.read.conditions import checked_order, condition
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Column, Condition, Kind, Operator

T = TypeVar("T")

RESERVED = ("sort", "limit", "cursor")
OPERATORS: tuple[Operator, ...] = get_args(Operator)
LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
_FOR_TEXT = frozenset({"contains", "startswith"})


class Filter(NamedTuple):
    """What a client looks for: conditions, column names to sort by (a leading "-" for falling), a page."""

    conditions: tuple[Condition, ...]
    order_by: tuple[str, ...]
    limit: int
    cursor: str | None


def operators_of(column: Column) -> tuple[Operator, ...]:
    """The operators that a column can be filtered with."""
    if column.kind is Kind.JSON:
        return ("isnull",)
    return tuple(word for word in OPERATORS if word not in _FOR_TEXT or column.kind is Kind.TEXT)


def read_filter(view: ViewDefinition[Any], given: Mapping[str, Sequence[str]]) -> Filter:
    """The filter in the parameters *given*. Raises InvalidMessageError with every fault."""
    faults: list[Fault] = []
    conditions = [_condition(view, name, texts, faults) for name, texts in given.items() if name not in RESERVED]
    order_by = _tried("sort", faults, lambda: checked_order(view, ",".join(given.get("sort", ()))))
    limit = _single("limit", given, faults, read_limit)
    cursor = _single("cursor", given, faults, str)
    if faults:
        raise InvalidMessageError(view.name, faults)
    found = tuple(each for each in conditions if each is not None)
    return Filter(found, order_by or (), LIMIT_DEFAULT if limit is None else limit, cursor)


def _condition(view: ViewDefinition[Any], name: str, texts: Sequence[str], faults: list[Fault]) -> Condition | None:
    field, separator, word = name.partition("__")
    operator = word if separator else "eq"
    column = view.columns.get(field)
    if column is not None and operator not in operators_of(column):
        known = ", ".join(operators_of(column))
        faults.append(Fault(name, f"{field} cannot be compared by {operator!r}; it can by: {known}"))
        return None
    if operator == "in":
        return _tried(name, faults, lambda: condition(view, field, operator, texts))
    if len(texts) > 1:
        faults.append(Fault(name, "was given more than once"))
        return None
    return _tried(name, faults, lambda: condition(view, field, operator, texts[0]))


def _tried(name: str, faults: list[Fault], read: Callable[[], T]) -> T | None:
    """What *read* answers; what it refuses becomes a fault of the parameter *name*."""
    try:
        return read()
    except ColumnUnknownError as error:
        faults.append(Fault(name, f"unknown field; the fields are: {', '.join(error.fields)}"))
    except InvalidMessageError as error:
        faults.extend(Fault(name, fault.message) for fault in error.faults)
    except (InputError, ValueError) as error:
        faults.append(Fault(name, str(error)))
    return None


def _single(name: str, given: Mapping[str, Sequence[str]], faults: list[Fault], read: Callable[[str], T]) -> T | None:
    texts = given.get(name)
    if texts is None:
        return None
    if len(texts) > 1:
        faults.append(Fault(name, "was given more than once"))
        return None
    return _tried(name, faults, lambda: read(texts[0]))


def read_limit(text: str) -> int:
    """How many are wanted. Raises ValueError when that is not a number from 1 to LIMIT_MAX."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(LIMIT_MAX)) or not 1 <= int(text) <= LIMIT_MAX:
        raise ValueError(f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)
