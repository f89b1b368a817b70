"""Old events are read as today's, through a chain of pure functions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from twofold.errors import UnknownTypeError, UnreadableError, UpcastError
from twofold.messages.message import Event
from twofold.messages.message_types import MessageTypes
from twofold.messages.upcasting import EventReader, upcasters_of, upcasts


class MoneyDeposited(Event, version=3):
    amount: Decimal
    currency: str
    note: str | None = None


@upcasts("MoneyDeposited", 1)
def with_currency(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "currency": "EUR"}


@upcasts("MoneyDeposited", 2)
def in_units(document: dict[str, Any]) -> dict[str, Any]:
    document["amount"] = Decimal(document.pop("cents")) / 100
    return document


@upcasts("Paid", 2, to="MoneyDeposited")
def renamed(document: dict[str, Any]) -> dict[str, Any]:
    return {"amount": document["sum"], "currency": "USD"}


def reader(*functions: Any, event: type = MoneyDeposited) -> EventReader:
    types = MessageTypes()
    types.add(event, "event")
    return EventReader(types, upcasters_of(functions))


def test_the_current_version_is_decoded_as_it_is() -> None:
    event = reader(with_currency, in_units).decode("MoneyDeposited", 3, b'{"amount":"1.50","currency":"EUR"}')

    assert event == MoneyDeposited(amount=Decimal("1.50"), currency="EUR")


def test_the_oldest_version_goes_through_the_whole_chain() -> None:
    event = reader(with_currency, in_units).decode("MoneyDeposited", 1, b'{"cents":150}')

    assert event == MoneyDeposited(amount=Decimal("1.5"), currency="EUR")


def test_a_renamed_event_is_read_under_its_old_name() -> None:
    @upcasts("Paid", 1)
    def first(document: dict[str, Any]) -> dict[str, Any]:
        return {"sum": document["total"]}

    chain = reader(first, renamed)

    assert chain.faults() == []
    assert chain.decode("Paid", 1, b'{"total":"7"}') == MoneyDeposited(amount=Decimal(7), currency="USD")
    assert chain.decode("Paid", 2, b'{"sum":"7"}') == MoneyDeposited(amount=Decimal(7), currency="USD")


def test_an_upcaster_gets_numbers_as_they_were_written() -> None:
    seen: list[Any] = []

    @upcasts("MoneyDeposited", 2)
    def look(document: dict[str, Any]) -> dict[str, Any]:
        seen.append(document)
        return {"amount": 1, "currency": ""}

    reader(look).decode("MoneyDeposited", 2, b'{"a":123456789012345678901234567890,"b":0.1,"c":"1.50","d":[null,true]}')

    assert seen == [{"a": 123456789012345678901234567890, "b": 0.1, "c": "1.50", "d": [None, True]}]


def test_one_function_may_serve_several_versions() -> None:
    @upcasts("MoneyDeposited", 1)
    @upcasts("MoneyDeposited", 2)
    def same(document: dict[str, Any]) -> dict[str, Any]:
        return {"amount": document["amount"], "currency": "EUR"}

    assert reader(same).faults() == []


def test_a_newer_version_than_known_is_an_unknown_type_and_names_both() -> None:
    with pytest.raises(UnknownTypeError, match=r"version 4; this code knows versions up to 3"):
        reader(with_currency, in_units).decode("MoneyDeposited", 4, b"{}")


def test_an_unknown_name_is_an_unknown_type() -> None:
    with pytest.raises(UnknownTypeError, match="no event is called 'Gone'"):
        reader().decode("Gone", 1, b"{}")


def test_an_old_version_without_an_upcaster_is_an_unknown_type() -> None:
    with pytest.raises(UnknownTypeError, match="no upcaster starts from MoneyDeposited version 1"):
        reader(in_units).decode("MoneyDeposited", 1, b"{}")


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"amount": "1"}, "required field `currency`"),
        ({"amount": "x", "currency": ""}, "Invalid decimal"),
        ({"amount": Decimal("NaN"), "currency": ""}, "must be finite"),
        ({"amount": 1, "currency": "", "note": float("nan")}, r"\$\.note: must be finite"),
        ({"amount": 1, "currency": object()}, "object"),
        (None, "gave no dict but None"),
        ([1], "gave no dict"),
    ],
    ids=str,
)
def test_what_an_upcaster_gives_must_be_a_valid_event(result: Any, why: str) -> None:
    @upcasts("MoneyDeposited", 2)
    def wrong(document: dict[str, Any]) -> Any:
        return result

    with pytest.raises(UpcastError, match=why):
        reader(wrong).decode("MoneyDeposited", 2, b"{}")


def test_an_upcaster_that_raises_is_named() -> None:
    @upcasts("MoneyDeposited", 2)
    def wrong(document: dict[str, Any]) -> dict[str, Any]:
        return {"amount": document["nothing"]}

    with pytest.raises(UpcastError, match=r"MoneyDeposited version 2 raised KeyError\('nothing'\)"):
        reader(wrong).decode("MoneyDeposited", 2, b"{}")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_old_bytes_that_are_no_object_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        reader(with_currency, in_units).decode("MoneyDeposited", 1, data)


def test_a_complete_chain_has_no_faults() -> None:
    assert reader(with_currency, in_units).faults() == []


def test_a_missing_step_is_a_wiring_fault() -> None:
    assert reader(in_units).faults() == [
        "no upcaster starts from MoneyDeposited version 1; MoneyDeposited goes up to version 3"
    ]
    assert "no upcaster leads on from MoneyDeposited version 2 (reached from MoneyDeposited version 1)" in (
        reader(with_currency).faults()
    )


def test_a_missing_step_of_a_name_given_up_is_a_wiring_fault() -> None:
    assert reader(renamed).faults() == ["no upcaster starts from Paid version 1; Paid goes up to version 2"]


def test_two_steps_from_one_version_are_a_wiring_fault() -> None:
    faults = reader(with_currency, in_units, with_currency).faults()

    assert faults == ["two upcasters start from MoneyDeposited version 1"]


def test_a_step_from_the_current_version_is_a_wiring_fault() -> None:
    @upcasts("MoneyDeposited", 3)
    def beyond(document: dict[str, Any]) -> dict[str, Any]:
        return document

    assert "which is the current version" in reader(with_currency, in_units, beyond).faults()[0]


def test_a_step_that_leads_nowhere_is_a_wiring_fault() -> None:
    @upcasts("Lost", 1)
    def nowhere(document: dict[str, Any]) -> dict[str, Any]:
        return document

    assert reader(with_currency, in_units, nowhere).faults() == [
        "no upcaster leads on from Lost version 2 (reached from Lost version 1)"
    ]


def test_a_function_without_the_mark_is_no_upcaster() -> None:
    with pytest.raises(TypeError, match="is not decorated with @upcasts"):
        upcasters_of([lambda document: document])
