"""The text that stands for a Decimal sorts as the Decimal does."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.adapters.sql.view_order import decimal_order

WIDE = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
DIGITS = st.text("0123456789", min_size=1, max_size=40)
NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(
        lambda sign, digits, exponent: Decimal(f"{sign}{digits}E{exponent}"),
        st.sampled_from("+-"),
        DIGITS,
        st.integers(-1000, 1000),
    ),
)
RISING = ["-1E+1000", "-123456789012345678901", "-10", "-9.99", "-9.9", "-1.5", "-1", "-0.1", "-0.01", "-1E-999"]
RISING += ["0", "1E-999", "0.01", "0.09", "0.1", "0.11", "1", "1.0000001", "9", "10", "11", "99.99", "100", "1E+1000"]


@given(NUMBERS, NUMBERS)
def test_text_compares_as_the_numbers_do(one: Decimal, other: Decimal):
    with localcontext(WIDE):
        assert (decimal_order(one) < decimal_order(other)) == (one < other)
        assert (decimal_order(one) == decimal_order(other)) == (one == other)


@given(NUMBERS, st.integers(0, 30))
def test_zeros_at_the_end_change_nothing(number: Decimal, zeros: int):
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    longer = Decimal((sign, (*digits, *[0] * zeros), exponent - zeros))

    assert decimal_order(longer) == decimal_order(number)


def test_known_numbers_rise():
    texts = [decimal_order(Decimal(text)) for text in RISING]

    assert all(before < after for before, after in pairwise(texts))


def test_every_zero_is_the_same():
    assert {decimal_order(Decimal(zero)) for zero in ("0", "-0", "0.00", "0E+9", "-0E-9")} == {"0"}


def test_lower_case_exponents_are_read_too():
    with localcontext(Context(capitals=0)):
        assert str(Decimal("1E+30")) == "1e+30"
        assert decimal_order(Decimal("1E+30")) == "pb301"


@pytest.mark.parametrize("text", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_has_no_place_in_an_order_is_refused(text: str):
    with pytest.raises(ValueError, match="no place"):
        decimal_order(Decimal(text))


def test_planted_plain_text_does_not_sort_as_numbers():
    texts = [str(Decimal(text)) for text in RISING]

    assert not all(before < after for before, after in pairwise(texts))
