"""What a single value may be, whatever its field's type says: finite, bounded, aware, proper text."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal

DIGITS_MAX = 1000
"""Most significant digits of a number."""
MAGNITUDE_MAX = 1000
"""A Decimal's first digit stands at 10^n with -MAGNITUDE_MAX <= n <= MAGNITUDE_MAX."""
DEPTH_MAX = 64
"""Deepest nesting of objects and arrays."""
BYTES_MAX = 1_048_576
"""Largest message that a door reads unless it is told otherwise, in bytes."""

INT_MAX = 10**DIGITS_MAX - 1
_NUL_ESCAPE = b"\\u0000"
_BACKSLASH = 0x5C
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789.", b"0000000000")
_TOO_MANY_DIGITS = b"0" * (DIGITS_MAX + 1)


def is_bounded(number: Decimal) -> bool:
    """Whether *number* is finite and of a bearable magnitude (its digits are bounded by `plain_bytes`)."""
    return number.is_finite() and -MAGNITUDE_MAX <= number.adjusted() <= MAGNITUDE_MAX


def plain_bytes(data: bytes) -> bool:
    """Whether JSON *data* holds neither an escaped NUL nor a run of digits too long for a number.

    False is only a suspicion: an escaped backslash, or a long text of digits, looks the same.
    """
    if _BACKSLASH in data and _NUL_ESCAPE in data:
        return False
    return len(data) <= DIGITS_MAX or _TOO_MANY_DIGITS not in data.translate(_DIGITS_TO_ZERO)


def shallow_bytes(data: bytes) -> bool:
    """Whether JSON *data* cannot be nested deeper than DEPTH_MAX. False is only a suspicion."""
    return data.count(b"[") + data.count(b"{") <= DEPTH_MAX


def flaw_of(value: object) -> str | None:
    """What is wrong with one scalar *value* by itself, or None."""
    match value:
        case str():
            return flaw_of_text(value)
        case int():
            return None if -INT_MAX <= value <= INT_MAX else _digits_flaw()
        case float():
            return None if math.isfinite(value) else f"must be finite, not {value}"
        case Decimal():
            return _flaw_of_decimal(value)
        case datetime():
            return _flaw_of_moment(value)
    return None


def flaw_of_text(text: str) -> str | None:
    """What is wrong with *text*, or None."""
    if "\0" in text:
        return "text must not contain a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "text must not contain a lone surrogate"
    return None


def _flaw_of_decimal(number: Decimal) -> str | None:
    if not number.is_finite():
        return f"must be finite, not {number}"
    if not is_bounded(number):
        return f"magnitude must be between 1e-{MAGNITUDE_MAX} and 1e{MAGNITUDE_MAX}"
    return _digits_flaw() if len(number.as_tuple().digits) > DIGITS_MAX else None


def _flaw_of_moment(moment: datetime) -> str | None:
    offset = moment.utcoffset()
    if offset is None:
        return "datetime must say its time zone"
    return "time zone must be whole minutes from UTC" if offset % timedelta(minutes=1) else None


def _digits_flaw() -> str:
    return f"number must have at most {DIGITS_MAX} digits"
