"""Whatever is let in can be written, read again by its own decoder, and is the same."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.messages.parcels import Cat, Colour, Deposit, Dog, Label, Line, Parcel, ParcelSent, Point, Tree
from twofold.errors import InputError, InvalidMessageError, UnreadableError
from twofold.messages.codec import codec_for
from twofold.messages.message import Command

NOW = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)

parcels = codec_for(Parcel, kind="command")
events = codec_for(ParcelSent, kind="event")

# --- what may be in a message, and what may not -------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
whole_numbers = st.integers() | st.integers(-(10**1000) + 1, 10**1000 - 1)
decimals = st.builds(
    lambda digits, exponent: Decimal(f"{digits}e{exponent}"),
    st.integers(-(10**6), 10**6) | st.integers(-(10**990), 10**990),
    st.integers(-4, 0) | st.integers(-990, 9),
)
zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-1439, 1439))
moments = st.datetimes(timezones=zones | st.just(UTC))
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
good_parcels = st.fixed_dictionaries(
    {},
    optional={
        "text": texts,
        "maybe": st.none() | texts,
        "number": whole_numbers,
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "rate": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "money": decimals,
        "cost": st.none() | decimals | whole_numbers,
        "id": st.uuids(),
        "at": moments,
        "day": st.dates(),
        "hour": st.times(),
        "lasting": st.timedeltas(),
        "data": st.binary(max_size=20),
        "colour": st.sampled_from(Colour),
        "kind": st.sampled_from(["a", "b"]),
        "lines": st.lists(st.builds(Line, decimals, st.integers(1)), max_size=3),
        "prices": st.dictionaries(texts, decimals, max_size=3),
        "numbered": st.dictionaries(st.integers(-(2**63), 2**63 - 1), texts, max_size=3),
        "tags": st.frozensets(texts, max_size=3),
        "row": st.lists(decimals, max_size=3).map(tuple),
        "pair": st.tuples(st.integers(), texts),
        "order": st.lists(st.integers(), max_size=3),
        "named": st.dictionaries(texts, st.integers(), max_size=3),
        "pets": st.lists(st.builds(Cat, texts) | st.builds(Dog, texts, moments), max_size=3),
        "tree": st.builds(Tree, moments, st.lists(st.builds(Tree, moments), max_size=2)),
        "label": st.builds(Label, texts, st.none() | decimals),
        "size": st.fixed_dictionaries({"width": st.integers()}, optional={"height": st.integers()}),
        "point": st.builds(Point, st.integers(), decimals),
        "loose": plain_json,
    },
)
anything = st.one_of(
    st.floats(),
    st.decimals(),
    st.text(st.characters(), max_size=5),
    st.just("\0"),
    st.just("\ud800"),
    st.datetimes(),
    st.integers(),
    st.binary(max_size=3),
    st.none(),
    st.just([]),
    st.just({"a\0": 1}),
    st.just([[float("inf")]]),
    st.sampled_from([Decimal("sNaN"), Decimal("1e1001"), Decimal(0).scaleb(-5000), 10**1000, object()]),
    st.builds(Line, st.floats() | st.decimals(), st.integers(-1, 1)),
)
fields = st.sampled_from(Parcel.__struct_fields__)


@given(good_parcels)
def test_a_message_of_its_own_type_comes_back_the_same(given_fields: dict[str, Any]) -> None:
    message = Parcel(**given_fields)

    copy, data = parcels.validate(message)

    assert copy == message
    assert copy is not message
    assert parcels.decode(data) == message
    assert parcels.read(data) == message
    assert parcels.encode(copy) == data


@given(good_parcels, st.dictionaries(fields, anything, max_size=3))
def test_every_event_that_can_be_encoded_is_decodable_by_its_own_decoder(
    good: dict[str, Any], bad: dict[str, Any]
) -> None:
    event = ParcelSent(parcel=Parcel(**{**good, **bad}))
    with contextlib.suppress(InvalidMessageError):
        copy, data = events.validate(event)

        assert events.decode(data) == copy
        assert events.read(data) == copy
        assert events.decode(events.encode(copy)) == copy


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_by_typed_errors_only(data: bytes) -> None:
    with contextlib.suppress(InputError):
        parcels.read(data)
    with contextlib.suppress(UnreadableError):
        events.decode(data)


@given(good_parcels, st.integers(0), st.binary(min_size=1, max_size=3))
def test_spoilt_bytes_are_refused_by_typed_errors_only(good: dict[str, Any], at: int, spoilt: bytes) -> None:
    data = parcels.encode(Parcel(**good))
    at %= len(data)
    data = data[:at] + spoilt + data[at + 1 :]
    with contextlib.suppress(InputError):
        assert parcels.encode(parcels.read(data))
    with contextlib.suppress(UnreadableError):
        parcels.decode(data)


@given(plain_json)
def test_any_other_json_is_refused_by_typed_errors_only(document: Any) -> None:
    with contextlib.suppress(InputError):
        parcels.read(msgspec.json.encode(document))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("money", Decimal("0.10")),
        ("money", Decimal("-0")),
        ("money", Decimal("1E+999")),
        ("number", 2**63),
        ("number", -(2**200)),
        ("number", 10**1000 - 1),
        ("ratio", 0.1 + 0.2),
        ("ratio", 5e-324),
        ("id", UUID(int=2**128 - 1)),
        ("at", NOW),
        ("at", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
        ("lasting", timedelta(days=-1, microseconds=3)),
        ("text", "a\\u0000 is six characters"),
        ("text", "7" * 5000),
        ("text", "\U0001f600 \u2028 é"),
        ("data", bytes(range(256))),
        ("loose", {"deep": [1, 2.5, None, "x", 2**70]}),
    ],
    ids=str,
)
def test_values_at_the_edge_come_back_the_same(field: str, value: Any) -> None:
    message = Parcel(**{field: value})

    copy, data = parcels.validate(message)

    assert getattr(copy, field) == value
    assert repr(getattr(parcels.read(data), field)) == repr(getattr(copy, field))


def test_a_decimal_keeps_its_trailing_zeros() -> None:
    assert str(parcels.decode(parcels.encode(Parcel(money=Decimal("1.500")))).money) == "1.500"


@pytest.mark.parametrize(
    ("field", "given_value", "copied"),
    [
        ("money", 5, Decimal(5)),
        ("order", (1, 2), [1, 2]),
        ("row", [Decimal(1)], (Decimal(1),)),
        ("ratio", 1, 1.0),
        ("tags", {"a"}, frozenset({"a"})),
    ],
)
def test_the_copy_has_the_declared_type_where_an_equal_value_was_given(
    field: str, given_value: Any, copied: Any
) -> None:
    copy = getattr(parcels.validate(Parcel(**{field: given_value}))[0], field)

    assert copy == copied
    assert type(copy) is type(copied)


def test_the_copy_shares_nothing_mutable_with_what_was_given() -> None:
    lines = [Line(Decimal(1))]
    copy, _ = parcels.validate(Parcel(lines=lines))

    lines.clear()

    assert copy.lines == [Line(Decimal(1))]


def test_a_message_without_equality_of_its_own_is_let_in() -> None:
    class Note(Command, eq=False):
        text: str

    assert codec_for(Note, kind="command").validate(Note(text="a"))[0].text == "a"


def test_a_type_that_does_not_decode_its_own_encoding_is_caught() -> None:
    """The planted bug: a codec whose decoder loses what its encoder wrote."""

    class Forgetful(Command):
        text: str = ""

        def __post_init__(self) -> None:
            msgspec.structs.force_setattr(self, "text", self.text[:-1])

    with pytest.raises(InvalidMessageError, match="would be read back as"):
        codec_for(Forgetful, kind="command").validate(Forgetful(text="abc"))


def test_validate_is_given_the_type_it_was_made_for() -> None:
    with pytest.raises(InvalidMessageError, match="Expected `Deposit`, got `Parcel`"):
        codec_for(Deposit, kind="command").validate(Parcel())  # type: ignore[arg-type]
