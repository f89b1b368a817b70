"""How SQLite keeps each kind of a view's value, so that it compares and sorts as in Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from twofold.adapters.sql.view_dialect import Dialect, KindFormat
from twofold.adapters.sql.view_order import decimal_order
from twofold.read.view_store import Column, Kind

_UNTIL_OFFSET = len("2024-01-01T00:00:00.000000")
_encode = msgspec.json.Encoder().encode


def _moment(value: datetime) -> str:
    """Fixed-width UTC text with microseconds: sorts by instant; the original offset is not kept."""
    if value.tzinfo is not UTC:
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} does not say its time zone")
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds")[:_UNTIL_OFFSET] + "Z"


def _number(value: float) -> float:
    """SQLite would keep NaN as NULL, without a word."""
    if value != value:  # noqa: PLR0124 - what NaN is
        raise ValueError("NaN cannot be stored")
    return value


def _json(column: Column) -> KindFormat:
    decode = msgspec.json.Decoder(column.type).decode
    return KindFormat("TEXT", lambda value: _encode(value).decode(), decode)


def _always(kept: KindFormat) -> Callable[[Column], KindFormat]:
    def format_of(_: Column) -> KindFormat:
        return kept

    return format_of


def _parameter(_: int) -> str:
    return "?"


_KINDS: dict[Kind, Callable[[Column], Any]] = {
    Kind.TEXT: _always(KindFormat("TEXT")),
    Kind.INTEGER: _always(KindFormat("INTEGER")),
    Kind.REAL: _always(KindFormat("REAL", _number)),
    Kind.BOOLEAN: _always(KindFormat("INTEGER", int, bool)),
    # The order column is a plain one that we write: were it generated, every other tool that opens the
    # file would need our function to read the table.
    Kind.DECIMAL: _always(KindFormat("TEXT", str, Decimal, decimal_order)),
    Kind.DATETIME: _always(KindFormat("TEXT", _moment, datetime.fromisoformat)),
    Kind.DATE: _always(KindFormat("TEXT", date.isoformat, date.fromisoformat)),
    Kind.UUID: _always(KindFormat("TEXT", str, UUID)),
    Kind.BYTES: _always(KindFormat("BLOB")),
    Kind.JSON: _json,
}

SQLITE = Dialect(_KINDS, _parameter, "instr", " STRICT, WITHOUT ROWID")
