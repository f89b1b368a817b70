"""Tokens are text for a mark, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.errors import TokenUnknownError
from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import decode_token, encode_token

marks = st.builds(
    Mark,
    epoch=st.text("0123456789abcdef", min_size=32, max_size=32),
    position=st.integers(0, 2**63 - 1),
    check=st.binary(min_size=8, max_size=8),
)


@given(marks)
def test_a_mark_comes_back_out_of_its_token(mark: Mark) -> None:
    assert decode_token(encode_token(mark)) == mark


@given(marks)
def test_a_token_fits_in_a_header_and_a_url(mark: Mark) -> None:
    token = encode_token(mark)

    assert token.isascii()
    assert not set(token) & set(" \r\n\t,;\"'=&?#/+%")


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(TokenUnknownError):
        decode_token(text)


@given(st.binary(max_size=100))
def test_a_forged_body_is_refused_or_a_mark(body: bytes) -> None:
    """Whatever it decodes to is then compared with the log by epoch and check."""
    token = encode_token(Mark("e", 1, bytes(8)))[:4] + body.hex()
    try:
        mark = decode_token(token)
    except TokenUnknownError:
        return
    assert isinstance(mark, Mark)
