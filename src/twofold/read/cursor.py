"""Keyset cursors: "go on behind this row of this search", opaque to callers."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from twofold.errors import InputError
from twofold.read.columns import fits_of, plain_type
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Column, Search, full_order

_DIGEST = 8
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode


def encode_cursor(definition: ViewDefinition[Any], search: Search, values: Mapping[str, Any]) -> str:
    """The cursor behind the row with these stored *values*."""
    last = [values[name] for name, _ in full_order(definition.table, search.order_by)]
    body = _digest(definition, search) + _encode(last)
    return urlsafe_b64encode(body).rstrip(b"=").decode()


def decode_cursor(definition: ViewDefinition[Any], search: Search, cursor: str) -> tuple[Any, ...]:
    """The sort values behind *cursor*. Raises InputError when it is of another search, or was not made by twofold."""
    body = _bytes_of(cursor)
    if body[:_DIGEST] != _digest(definition, search):
        raise InputError("the cursor belongs to another search: keep filters and sort, or start again without it")
    columns = [definition.columns[name] for name, _ in full_order(definition.table, search.order_by)]
    try:
        found = _decode(body[_DIGEST:])
        return tuple(_value(column, value) for column, value in zip(columns, found, strict=True))
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        raise _garbage() from error


def _bytes_of(cursor: str) -> bytes:
    try:
        return urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise _garbage() from error


def _value(column: Column, value: Any) -> Any:
    plain = None if value is None else msgspec.convert(value, plain_type(column.kind))
    if not fits_of(column)(plain):
        raise ValueError(column.name)
    return plain


def _digest(definition: ViewDefinition[Any], search: Search) -> bytes:
    asked = [definition.name, search.order_by, [tuple(condition) for condition in search.conditions]]
    return blake2b(_encode(asked), digest_size=_DIGEST).digest()


def _garbage() -> InputError:
    return InputError("the cursor was not made by twofold")
