"""How PostgreSQL keeps each kind of a view's value: in the type that people who read the tables expect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from twofold.adapters.sql.view_dialect import Dialect, Exact, KindFormat
from twofold.read.view_store import Column, Kind

_encode = msgspec.json.Encoder().encode


def _number(value: float) -> float:
    """PostgreSQL would sort NaN behind everything."""
    if value != value:  # noqa: PLR0124 - what NaN is
        raise ValueError("NaN cannot be stored")
    return value


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError(f"{value} cannot be stored")
    return value


def _exact(value: Decimal) -> str | None:
    """What `numeric` loses: an exponent above zero (1E+3 would come back as 1000), and the sign of a zero."""
    text = str(value)
    return text if "E+" in text or (text[0] == "-" and not value) else None


def _moment(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError(f"{value!r} does not say its time zone")
    return value


def _aware(value: datetime) -> datetime:
    """The driver keeps the first and the last moment as the infinities, and reads those without a time zone."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _uuid(value: UUID) -> UUID:
    """The driver has a class of its own."""
    return UUID(int=value.int)


def _json(column: Column) -> KindFormat:
    decode = msgspec.json.Decoder(column.type).decode
    return KindFormat("jsonb", lambda value: _encode(value).decode(), decode)


def _always(kept: KindFormat) -> Callable[[Column], KindFormat]:
    def format_of(_: Column) -> KindFormat:
        return kept

    return format_of


_KINDS: dict[Kind, Callable[[Column], KindFormat]] = {
    Kind.TEXT: _always(KindFormat("text", options=' COLLATE "C"')),  # by code point
    Kind.INTEGER: _always(KindFormat("bigint")),
    Kind.REAL: _always(KindFormat("double precision", _number)),
    Kind.BOOLEAN: _always(KindFormat("boolean")),
    Kind.DECIMAL: _always(KindFormat("numeric", _finite, exact=Exact(_exact, Decimal))),
    Kind.DATETIME: _always(KindFormat("timestamptz", _moment, _aware)),
    Kind.DATE: _always(KindFormat("date")),
    Kind.UUID: _always(KindFormat("uuid", read=_uuid)),
    Kind.BYTES: _always(KindFormat("bytea")),
    Kind.JSON: _json,
}


def _parameter(number: int) -> str:
    return f"${number}"


# Rows are updated more often than added; an update that finds room in its page leaves the indexes alone.
_TABLE_OPTIONS = " WITH (fillfactor = 85)"
# PostgreSQL cuts names at 63 bytes: "__exact" and "__1000000" have to fit behind them.
_NAME_BYTES = 54

POSTGRES = Dialect(
    kinds=_KINDS,
    parameter=_parameter,
    instr="strpos",
    table_options=_TABLE_OPTIONS,
    integer="bigint",
    schema="twofold_views.",
    none_first=" NULLS FIRST",
    arrays=True,
    name_bytes=_NAME_BYTES,
    reserved=frozenset({"migrations"}),
)
