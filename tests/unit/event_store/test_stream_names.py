"""Names of streams, their categories, ids and slices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.errors import InvalidMessageError
from twofold.event_store.stream import MAX_NAME_BYTES, SLICES, category_of, id_of, slice_of, stream_name

ids = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=100)


@given(ids)
def test_category_and_id_come_back_out_of_a_name(stream_id: str) -> None:
    name = stream_name("Account", stream_id)

    assert (category_of(name), id_of(name)) == ("Account", stream_id)


@given(ids)
def test_every_stream_is_in_one_slice(stream_id: str) -> None:
    assert 0 <= slice_of(stream_name("Account", stream_id)) < SLICES


def test_slices_never_change() -> None:
    """They are stored; another hash would move streams between shards."""
    assert [slice_of(name) for name in ("Account-ada", "Account-bob", "Order-Ω")] == [502, 990, 883]


@pytest.mark.parametrize(
    ("stream_id", "why"),
    [
        ("", "is empty"),
        ("a\x00b", "holds a NUL character"),
        ("\ud800", "holds a lone surrogate"),
        ("x" * (MAX_NAME_BYTES + 1), "is longer than 512 bytes"),
        ("ä" * (MAX_NAME_BYTES // 2 + 1), "is longer than 512 bytes"),
    ],
)
def test_an_id_that_no_store_could_keep_is_refused(stream_id: str, why: str) -> None:
    with pytest.raises(InvalidMessageError, match=why):
        stream_name("Account", stream_id)


def test_an_id_of_the_greatest_length_is_taken() -> None:
    assert stream_name("Account", "x" * MAX_NAME_BYTES)
