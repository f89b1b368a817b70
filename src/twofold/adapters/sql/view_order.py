"""An order-preserving text for Decimals, for databases that would round them."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_AFTER_DIGITS = "~"
ZERO = "0"


def decimal_order(value: Decimal) -> str:
    """Text that compares by code point as *value* compares by number, at any size; equal numbers give equal text.

    `p` (positive), `0` or `-` (negative), the exponent as a letter that counts its digits and those digits, then the
    significant digits: 1234.50 is `pa312345`. Negative numbers have all digits complemented and end with `~`.
    Raises ValueError for NaN and infinities.
    """
    text = str(value)
    digits = text.replace(".", "").strip("-0")
    if not digits.isdecimal():
        digits = _mantissa(text)
        if not digits:
            return ZERO
    exponent = value.adjusted()
    if text[0] == "-":
        return "-" + _exponent(-1 - exponent) + digits.translate(_COMPLEMENT) + _AFTER_DIGITS
    return "p" + _exponent(exponent) + digits


def _mantissa(text: str) -> str:
    """The significant digits of a zero, or of a number in scientific notation."""
    digits = text.upper().partition("E")[0].replace(".", "").strip("-0")
    if digits and not digits.isdecimal():
        raise ValueError(f"{text} has no place in an order")
    return digits


@lru_cache(maxsize=256)
def _exponent(number: int) -> str:
    """Text that sorts as *number*: more digits are a later letter, and below zero everything is reversed."""
    if number >= 0:
        text = str(number)
        return chr(ord("a") - 1 + len(text)) + text
    text = str(-1 - number)
    return chr(ord("Z") + 1 - len(text)) + text.translate(_COMPLEMENT)
