"""Everything that is refused, with its path: in messages made in code, and in bytes at a door."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.messages.parcels import Cat, Deposit, Dog, Label, Line, Parcel, ParcelSent, Point, Tree
from twofold.errors import InvalidMessageError, MalformedError, TooLargeError, UnreadableError
from twofold.messages import codec as codec_module
from twofold.messages.codec import codec_for
from twofold.messages.faults import FAULTS_MAX, NODES_MAX
from twofold.messages.scan import Scanned

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point
AWARE = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))

parcels = codec_for(Parcel, kind="command")
deposits = codec_for(Deposit, kind="command")
events = codec_for(ParcelSent, kind="event")


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


IN_CODE: list[tuple[str, Any, str, str]] = [
    ("money", Decimal("NaN"), "$.money", "must be finite"),
    ("money", Decimal("sNaN"), "$.money", "must be finite"),
    ("money", Decimal("-Infinity"), "$.money", "must be finite"),
    ("money", Decimal("1e1001"), "$.money", "magnitude"),
    ("money", Decimal("1e-1001"), "$.money", "magnitude"),
    ("money", Decimal("0e999999"), "$.money", "magnitude"),
    ("money", Decimal("1." + "1" * 1000), "$.money", "at most 1000 digits"),
    ("money", 0.5, "$.money", "Expected `Decimal`, got `float`"),
    ("money", 0.1, "$.money", "Expected `Decimal`, got `float`"),
    ("money", float("nan"), "$.money", "must be finite"),
    ("money", True, "$.money", "Expected `decimal`, got `bool`"),
    ("cost", 1.5, "$.cost", "Expected `Decimal`, got `float`"),
    ("cost", Decimal("NaN"), "$.cost", "must be finite"),
    ("ratio", float("nan"), "$.ratio", "must be finite"),
    ("ratio", float("inf"), "$.ratio", "must be finite"),
    ("rate", float("nan"), "$.rate", "must be finite"),
    ("maybe", float("nan"), "$.maybe", "must be finite"),
    ("number", 10**1000, "$.number", "at most 1000 digits"),
    ("number", -(10**5000), "$.number", "at most 1000 digits"),
    ("number", True, "$.number", "Expected `int`, got `bool`"),
    ("number", 1.0, "$.number", "Expected `int`, got `float`"),
    ("number", None, "$.number", "Expected `int`, got `null`"),
    ("text", "a\0b", "$.text", "NUL"),
    ("text", "\ud800", "$.text", "lone surrogate"),
    ("text", 5, "$.text", "Expected `str`, got `int`"),
    ("text", b"x", "$.text", "Expected `str`, got `bytes`"),
    ("text", Decimal(1), "$.text", "Expected `str`, got `Decimal`"),
    ("at", NAIVE, "$.at", "time zone"),
    ("at", AWARE.replace(tzinfo=timezone(timedelta(seconds=90))), "$.at", "whole minutes"),
    ("id", "not-a-uuid", "$.id", "Invalid UUID"),
    ("colour", "red", "$.colour", "Expected `Colour`, got `str`"),
    ("kind", "z", "$.kind", "Invalid enum value 'z'"),
    ("short", "sixsix", "$.short", "length <= 5"),
    ("lines", None, "$.lines", "Expected `array`, got `null`"),
    ("lines", [Line(Decimal(1)), Line(Decimal("NaN"))], "$.lines[1].price", "must be finite"),
    ("lines", [Line(Decimal(1), quantity=0)], "$.lines[0].quantity", "Expected `int` >= 1"),
    ("lines", [Line(0.25)], "$.lines[0].price", "Expected `Decimal`, got `float`"),  # type: ignore[arg-type]
    ("prices", {"a b": Decimal("Infinity")}, '$.prices["a b"]', "must be finite"),
    ("prices", {"a\0": Decimal(1)}, '$.prices["a\\u0000"]', "NUL"),
    ("numbered", {1: "\0"}, '$.numbered["1"]', "NUL"),
    ("row", (Decimal(1), Decimal("NaN")), "$.row[1]", "must be finite"),
    ("pair", (1,), "$.pair", "length 2"),
    ("pets", [Cat("a"), Dog("b", NAIVE)], "$.pets[1].born", "time zone"),
    ("tree", Tree(AWARE, [Tree(NAIVE)]), "$.tree.branches[0].at", "time zone"),
    ("label", Label("a", Decimal("NaN")), "$.label.weight", "must be finite"),
    ("size", {"width": 1, "height": None}, "$.size.height", "Expected `int`, got `null`"),
    ("point", Point(1, Decimal("NaN")), "$.point[1]", "must be finite"),
    ("loose", float("nan"), "$.loose", "must be finite"),
    ("loose", Decimal(1), "$.loose", "Expected `str`, got `Decimal`"),
    ("loose", {"a": [1, NAIVE]}, "$.loose.a[1]", "time zone"),
    ("loose", {1: "a"}, "$.loose", "would be read back as {'1': 'a'}"),
    ("loose", object(), "$", "object"),
    ("loose", nested(64), "$.loose" + "[0]" * 63, "nested deeper than 64"),
    ("loose", circle(), "$.loose" + "[0]" * 63, "nested deeper than 64"),
]


@pytest.mark.parametrize(
    ("field", "value", "path", "why"), IN_CODE, ids=[f"{row[0]} {row[3]} {n}" for n, row in enumerate(IN_CODE)]
)
def test_a_message_made_in_code_is_refused_with_the_path(field: str, value: Any, path: str, why: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        parcels.validate(Parcel(**{field: value}))

    assert [fault.path for fault in refused.value.faults] == [path]
    assert why in refused.value.faults[0].message


def test_every_fault_of_a_message_made_in_code_is_listed() -> None:
    message = Parcel(money=Decimal("NaN"), text="\0", at=NAIVE, lines=[Line(Decimal(1), quantity=0)])
    with pytest.raises(InvalidMessageError) as refused:
        parcels.encode(message)

    assert {fault.path for fault in refused.value.faults} == {"$.money", "$.text", "$.at", "$.lines[0].quantity"}


def test_many_values_beside_each_other_are_not_nested() -> None:
    wide = Parcel(loose=[[nested(61)] for _ in range(100)])

    assert parcels.read(parcels.encode(wide)) == wide


@pytest.mark.parametrize("levels", [1, 62, 63])
def test_nesting_up_to_the_limit_is_let_in(levels: int) -> None:
    copy, data = parcels.validate(Parcel(loose=nested(levels)))

    assert parcels.read(data) == copy


# --- at a door ----------------------------------------------------------------------------

AT_A_DOOR: list[tuple[bytes, str, str]] = [
    (b"{}", "$.account_id", "required field is missing"),
    (b'{"account_id":1,"amount":"1"}', "$.account_id", "Expected `str`, got `int`"),
    (b'{"account_id":"a","amount":"x"}', "$.amount", "Invalid decimal string"),
    (b'{"account_id":"a","amount":"NaN"}', "$.amount", "must be finite"),
    (b'{"account_id":"a","amount":"sNaN"}', "$.amount", "must be finite"),
    (b'{"account_id":"a","amount":"-Infinity"}', "$.amount", "must be finite"),
    (b'{"account_id":"a","amount":1e999999999}', "$.amount", "magnitude"),
    (b'{"account_id":"a","amount":"1e1001"}', "$.amount", "magnitude"),
    (b'{"account_id":"a","amount":' + b"7" * 1001 + b"}", "$.amount", "at most 1000 digits"),
    (b'{"account_id":"a","amount":' + b"7" * 100_000 + b"}", "$.amount", "at most 1000 digits"),
    (b'{"account_id":"a","amount":0.' + b"7" * 1001 + b"}", "$.amount", "at most 1000 digits"),
    (b'{"account_id":"a","amount":"' + b"7" * 1001 + b'"}', "$.amount", "at most 1000 digits"),
    (b'{"account_id":"a","amount":"0.' + b"7" * 1001 + b'"}', "$.amount", "at most 1000 digits"),
    (b'{"account_id":"a","amount":null}', "$.amount", "Expected `decimal`, got `null`"),
    (b'{"account_id":"a","amount":1,"amount":2}', "$.amount", "more than once"),
    (b'{"account_id":"a","amount":1,"\\u0061mount":2}', "$.amount", "more than once"),
    (b'{"account_id":"a\\u0000","amount":1}', "$.account_id", "NUL"),
    (b'{"account_id":"\\ud800","amount":1}', "$.account_id", "lone surrogate"),
    (b'{"account_id":"\\uDC00\\uD800","amount":1}', "$.account_id", "lone surrogate"),
    (b'{"account_id":"a","amount":1,"extra":1}', "$.extra", "unknown field"),
    (b'{"account_id":"a","amount":1,"a b":1}', '$["a b"]', "unknown field"),
    (b"[]", "$", "Expected `object`, got `array`"),
    (b"null", "$", "Expected `object`, got `null`"),
    (b"5", "$", "Expected `object`, got `int`"),
]


@pytest.mark.parametrize(("data", "path", "why"), AT_A_DOOR, ids=[f"{row[2]} {n}" for n, row in enumerate(AT_A_DOOR)])
def test_bytes_at_a_door_are_refused_with_the_path(data: bytes, path: str, why: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        deposits.read(data)

    first = next(fault for fault in refused.value.faults if fault.path == path)
    assert why in first.message


NO_STRICT_JSON: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"{} {}", "Extra data"),
    (b"{'a': 1}", "not JSON"),
    (b'{"a": 1,}', "not JSON"),
    (b'{"a": 01}', "not JSON"),
    (b'{"a": NaN}', "NaN is no number"),
    (b'{"a": -Infinity}', "-Infinity is no number"),
    (b'{"a": "\n"}', "control character"),
    (b'{"a": "\0"}', "control character"),
    (b"\xef\xbb\xbf{}", "byte order mark"),
    ("{}".encode("utf-16"), "not UTF-8"),
    (b'{"a": "\xff"}', "not UTF-8"),
    (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
    (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "nested deeper than 64"),
    (b"[" * 1_000_000, "nested deeper than 64"),
]


@pytest.mark.parametrize(("data", "why"), NO_STRICT_JSON, ids=lambda each: str(each)[:30])
def test_bytes_that_are_no_strict_json_are_malformed(data: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        deposits.read(data)


def test_more_bytes_than_allowed_are_too_large() -> None:
    with pytest.raises(TooLargeError, match="20 bytes are more than the 10 allowed"):
        codec_for(Deposit, kind="command", bytes_max=10).read(b" " * 20)


def test_every_fault_of_a_document_is_listed_with_its_path() -> None:
    data = b"""{"lines": [{"price": "1", "colour": 1}, {"quantity": 0}, {"price": "q", "quantity": "x"}],
        "colour": "green", "pair": [1], "prices": {"a b": "NaN"}, "number": 1.5, "text": "\\u0000", "text": "",
        "pets": [{"type": "Dog", "name": "a", "born": "2020-01-01T00:00:00"}, {"type": "Cow"}, {"type": "Cat"}],
        "numbered": {"x": "a"}, "label": {"text": 1, "hue": 2}, "size": {}, "extra": {}}"""
    with pytest.raises(InvalidMessageError) as refused:
        parcels.read(data)

    assert {fault.path for fault in refused.value.faults} == {
        "$.lines[0].colour",
        "$.lines[1].price",
        "$.lines[1].quantity",
        "$.lines[2].price",
        "$.lines[2].quantity",
        "$.colour",
        "$.pair",
        '$.prices["a b"]',
        "$.number",
        "$.text",
        "$.pets[0].born",
        "$.pets[1]",
        "$.pets[2].name",
        "$.numbered.x",
        "$.label.text",
        "$.label.hue",
        "$.size.width",
        "$.extra",
    }


def test_no_more_faults_are_listed_than_anyone_reads() -> None:
    with pytest.raises(InvalidMessageError) as refused:
        parcels.read(b'{"lines": [' + b"1," * 10_000 + b"1]}")

    assert len(refused.value.faults) == FAULTS_MAX


def test_past_many_values_the_first_fault_alone_is_named() -> None:
    with pytest.raises(InvalidMessageError) as refused:
        parcels.read(b'{"order": [' + b"1," * NODES_MAX + b'"x"]}')

    assert refused.value.faults == ((f"$.order[{NODES_MAX}]", "Expected `int`, got `str`"),)


def test_an_unknown_field_past_many_values_is_refused_all_the_same() -> None:
    with pytest.raises(InvalidMessageError, match="unknown fields, too far inside to be listed"):
        parcels.read(b'{"lines": [' + b'{"price":"1"},' * NODES_MAX + b'{"price":"1","extra":1}]}')


def test_a_text_that_looks_like_an_escaped_nul_is_let_in() -> None:
    assert deposits.read(b'{"account_id":"\\\\u0000","amount":1}').account_id == "\\u0000"


# --- unknown fields -----------------------------------------------------------------------

UNKNOWN: list[tuple[bytes, str]] = [
    (b'{"extra":1}', "$.extra"),
    (b'{"lines":[{"price":"1","extra":1}]}', "$.lines[0].extra"),
    (b'{"label":{"text":"a","extra":1}}', "$.label.extra"),
    (b'{"size":{"width":1,"extra":1}}', "$.size.extra"),
    (b'{"pets":[{"type":"Cat","name":"a","extra":1}]}', "$.pets[0].extra"),
    (b'{"pets":[{"type":"Dog","name":"a","born":"2026-01-01T00:00:00Z","extra":1}]}', "$.pets[0].extra"),
    (b'{"boxes":{"a":[{"text":"a","extra":1}]}}', "$.boxes.a[0].extra"),
    (b'{"both":[{"text":"a"},{"price":"1","extra":1}]}', "$.both[1].extra"),
    (
        b'{"tree":{"at":"2026-01-01T00:00:00Z","branches":[{"at":"2026-01-01T00:00:00Z","extra":1}]}}',
        "$.tree.branches[0].extra",
    ),
]


@pytest.mark.parametrize(("data", "path"), UNKNOWN)
def test_a_command_refuses_unknown_fields_at_every_depth(data: bytes, path: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        parcels.read(data)

    assert refused.value.faults == ((path, "unknown field"),)


@pytest.mark.parametrize(("data", "path"), UNKNOWN)
def test_an_event_tolerates_unknown_fields_at_every_depth(data: bytes, path: str) -> None:
    assert isinstance(events.decode(b'{"later":[1],"parcel":' + data + b"}"), ParcelSent)


def test_the_known_fields_of_an_event_are_read_beside_unknown_ones() -> None:
    data = b'{"parcel":{"money":"1.50","extra":1.25,"number":123456789012345678901234567890},"more":{}}'

    assert events.decode(data).parcel == Parcel(money=Decimal("1.50"), number=123456789012345678901234567890)


# --- the store's own bytes ----------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"parcel":1}',
        b'{"parcel":{"money":"NaN"}}',
        b'{"parcel":{"at":"2026-01-01T00:00:00"}}',
    ],
)
def test_stored_bytes_that_cannot_be_read_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="ParcelSent"):
        events.decode(data)


# --- the checks can fail: each is planted out, and is missed -------------------------------


@pytest.mark.parametrize(
    ("name", "stand_in", "message"),
    [
        ("plain_bytes", lambda _: True, Deposit(account_id="\0", amount=Decimal(1))),
        ("check_for", lambda _: None, Deposit(account_id="a", amount=Decimal("1e5000"))),
    ],
)
def test_without_its_check_a_bad_message_gets_through(
    monkeypatch: pytest.MonkeyPatch, name: str, stand_in: Any, message: Deposit
) -> None:
    """The planted bug: a codec without one of its checks."""
    monkeypatch.setattr(codec_module, name, stand_in)
    weak = codec_for(Deposit, kind="command")

    assert weak.validate(message)[0] == message
    with pytest.raises(InvalidMessageError):
        deposits.validate(message)


def test_without_the_scan_a_repeated_key_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: a door that leaves everything to msgspec."""
    data = b'{"account_id":"a","amount":1,"amount":2}'
    monkeypatch.setattr(codec_module, "scan", lambda _: Scanned({}, ()))

    assert codec_for(Deposit, kind="command").read(data).amount == 2
