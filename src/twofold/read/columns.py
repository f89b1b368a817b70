"""From a view's fields to columns, and from Python values to values that fit them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec

from twofold.errors import Fault, InvalidMessageError
from twofold.messages.bounds import is_bounded
from twofold.read.view_store import Column, Kind

INT64 = 1 << 63
_PLAIN = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.REAL,
    bool: Kind.BOOLEAN,
    Decimal: Kind.DECIMAL,
    datetime: Kind.DATETIME,
    date: Kind.DATE,
    UUID: Kind.UUID,
    bytes: Kind.BYTES,
}


_TYPES: dict[Kind, Any] = {kind: plain for plain, kind in _PLAIN.items()}


def plain_type(kind: Kind) -> Any:
    """The Python type of the values of such a column; Any for JSON."""
    return _TYPES.get(kind, Any)


def column_of(name: str, annotation: Any) -> Column:
    """The column of a field. Raises TypeError when no column can hold the type."""
    bare, optional = _unwrapped(annotation)
    return Column(name, _kind_of(bare), optional, bare)


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """The type without Annotated, NewType and None, and whether None was in it."""
    if get_origin(annotation) is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if hasattr(annotation, "__supertype__"):
        return _unwrapped(annotation.__supertype__)
    if get_origin(annotation) in {Union, UnionType}:
        arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
        if len(arguments) < len(get_args(annotation)):
            bare, _ = _unwrapped(Union[tuple(arguments)])  # noqa: UP007 - built from a tuple
            return bare, True
    return annotation, annotation is NoneType


def _kind_of(bare: Any) -> Kind:
    if bare in _PLAIN:
        return _PLAIN[bare]
    members = _members(bare)
    types = {type(member) for member in members}
    if len(types) == 1 and types <= {str, int}:
        return _PLAIN[types.pop()]
    _refuse_opaque(msgspec.inspect.type_info(bare))
    return Kind.JSON


def _members(bare: Any) -> tuple[Any, ...]:
    if get_origin(bare) is Literal:
        return get_args(bare)
    return tuple(member.value for member in bare) if _is_enum(bare) else ()


def _is_enum(bare: Any) -> bool:
    return isinstance(bare, type) and issubclass(bare, Enum)


def _refuse_opaque(info: Any, seen: set[int] | None = None) -> None:
    """Raise TypeError for a type that msgspec cannot read back by itself, at any depth. A type may hold itself."""
    seen = set() if seen is None else seen
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.CustomType):
        raise TypeError(f"no column can hold {info.cls.__name__}")
    for name in getattr(info, "__struct_fields__", ()):
        inner = getattr(info, name)
        parts = inner if isinstance(inner, tuple) else (inner,)
        nested = (part.type if isinstance(part, msgspec.inspect.Field) else part for part in parts)
        for part in nested:
            if isinstance(part, msgspec.inspect.Type) and id(part) not in seen:
                _refuse_opaque(part, seen)


# --- does a value fit ---------------------------------------------------------------------


def _text_fits(value: Any) -> bool:
    return type(value) is str and "\x00" not in value and (value.isascii() or _is_encodable(value))


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _datetime_fits(value: Any) -> bool:
    if type(value) is not datetime or value.utcoffset() is None:
        return False
    try:
        value.astimezone(UTC)
    except OverflowError:
        return False
    return True


_FITS: dict[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: _text_fits,
    Kind.INTEGER: lambda value: type(value) is int and -INT64 <= value < INT64,
    Kind.REAL: lambda value: type(value) is float and isfinite(value),
    Kind.BOOLEAN: lambda value: type(value) is bool,
    Kind.DECIMAL: lambda value: type(value) is Decimal and is_bounded(value),
    Kind.DATETIME: _datetime_fits,
    Kind.DATE: lambda value: type(value) is date,
    Kind.UUID: lambda value: type(value) is UUID,
    Kind.BYTES: lambda value: type(value) is bytes,
    Kind.JSON: lambda _: True,
}


def fits_of(column: Column) -> Callable[[Any], bool]:
    """A quick test of whether a value can be stored in *column* as it is."""
    fits = _FITS[column.kind]
    return (lambda value: value is None or fits(value)) if column.optional else fits


def stored_value(column: Column, value: Any) -> Any:
    """*value* as *column* stores it: an Enum by its value, an int as the Decimal or float it stands for.

    Raises InvalidMessageError when it does not fit.
    """
    plain = value.value if isinstance(value, Enum) else value
    if type(plain) is int and column.kind is Kind.DECIMAL:
        plain = Decimal(plain)
    elif type(plain) is int and column.kind is Kind.REAL:
        plain = float(plain)
    if not fits_of(column)(plain):
        raise _misfit(column, value)
    return plain


def asked_value(column: Column, value: Any) -> Any:
    """A value that somebody looks for, as *column* stores it; text is read as the column's type.

    Raises InvalidMessageError when it cannot be.
    """
    if isinstance(value, str) and column.kind is not Kind.TEXT and not isinstance(value, Enum):
        value = _read(column, value)
    return stored_value(column._replace(optional=False), value)


def _read(column: Column, text: str) -> Any:
    try:
        return msgspec.convert(text, plain_type(column.kind), strict=False)
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise _misfit(column, text) from error


def _misfit(column: Column, value: Any) -> InvalidMessageError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."  # noqa: PLR2004 - a line of text
    return InvalidMessageError(column.name, [Fault(f"$.{column.name}", f"{shown} is not a {column.kind.value}")])
