"""Stable names stand for classes in a table that an app fills."""

from __future__ import annotations

import dataclasses
import types as python_types
from decimal import Decimal

import msgspec
import pytest

from twofold.errors import UnknownNameError
from twofold.messages.declaration import declaration
from twofold.messages.message import Command, Event, Query
from twofold.messages.message_types import MessageTypes


class Deposit(Command, name="bank.deposit", version=2, route="POST /deposits"):
    account_id: str
    amount: Decimal


class Deposited(Event):
    amount: Decimal


class Balance(Query[Decimal]):
    account_id: str


@dataclasses.dataclass
class Moved:
    to: str


@pytest.fixture
def types() -> MessageTypes:
    found = MessageTypes()
    found.add(Deposit, "command")
    found.add(Deposited, "event")
    found.add(Balance, "query")
    return found


def test_a_type_is_found_by_its_class_and_by_its_stable_name(types: MessageTypes) -> None:
    found = types.of(Deposit)

    assert found == types.named("bank.deposit")
    assert (found.cls, found.name, found.version, found.kind) == (Deposit, "bank.deposit", 2, "command")
    assert found.codec.cls is Deposit


def test_the_class_name_and_version_one_are_the_stable_name_unless_given(types: MessageTypes) -> None:
    assert (types.of(Deposited).name, types.of(Deposited).version) == ("Deposited", 1)


def test_a_subclass_has_a_name_of_its_own() -> None:
    class Big(Deposit):
        pass

    assert declaration(Big).name == "Big"


def test_a_plain_class_may_name_itself() -> None:
    class Old:
        __twofold_name__ = "Older"
        __twofold_version__ = 4

    assert declaration(Old)[:2] == ("Older", 4)


def test_an_unknown_name_is_refused_with_the_known_ones(types: MessageTypes) -> None:
    with pytest.raises(UnknownNameError, match=r"no command is called 'Deposited'; known: bank\.deposit"):
        types.named("Deposited", "command")
    with pytest.raises(UnknownNameError, match=r"known: Balance, Deposited, bank\.deposit"):
        types.of(Moved)


def test_the_table_is_a_collection_in_the_order_of_addition(types: MessageTypes) -> None:
    assert [each.name for each in types] == ["bank.deposit", "Deposited", "Balance"]
    assert len(types) == 3
    assert list(types.of_kind("query")) == ["Balance"]
    assert Deposit in types
    assert "bank.deposit" in types
    assert Moved not in types
    assert "Deposit" not in types


def test_the_same_class_may_be_added_again(types: MessageTypes) -> None:
    assert types.add(Deposit, "command") == types.of(Deposit)
    assert types.faults == []


def test_all_faults_are_collected_and_none_raised(types: MessageTypes) -> None:
    class Deposited(Event):
        pass

    class Unclear(Event):
        value: str | bytes

    class Zero(Event, version=0):
        pass

    class Odd(Event, name="a b"):
        pass

    for cls in (Deposited, Unclear, Zero, Odd):
        assert types.add(cls, "event") is None
    assert types.add(Deposit, "event") is None

    assert len(types.faults) == 5
    assert types.faults[0].startswith("two types are called 'Deposited': ")
    assert "cannot be a message" in types.faults[1]
    assert "version must be a whole number from 1, not 0" in types.faults[2]
    assert "'a b' is no name" in types.faults[3]
    assert types.faults[4] == "bank.deposit is a command, and not a event"


def test_a_schema_is_a_component_for_each_stable_name(types: MessageTypes) -> None:
    types.add(Moved, "event")

    schemas = types.schema(["bank.deposit", "Moved"], ref_template="#/components/schemas/{name}")

    assert schemas["bank.deposit"] == {"$ref": "#/components/schemas/Deposit"}
    assert schemas["Deposit"]["additionalProperties"] is False
    assert schemas["Deposit"]["required"] == ["account_id", "amount"]
    assert schemas["Moved"]["properties"] == {"to": {"type": "string"}}
    assert types.schema().keys() >= {"Balance", "Deposited", "bank.deposit"}


def test_messages_are_frozen_and_by_keyword() -> None:
    message = Deposit(account_id="a", amount=Decimal(1))

    with pytest.raises(AttributeError):
        message.amount = Decimal(2)  # type: ignore[misc]
    with pytest.raises(TypeError):
        Deposit("a", Decimal(1))  # type: ignore[call-arg]


def test_a_class_keyword_that_nobody_knows_is_refused() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        python_types.new_class("Odd", (Command,), {"nonsense": 1})


def test_keywords_that_are_not_ours_go_on_to_msgspec() -> None:
    class Tagged(Event, rename="camel"):
        account_id: str

    assert msgspec.json.encode(Tagged(account_id="a")) == b'{"accountId":"a"}'
    assert declaration(Tagged).options == {}


def test_routes_are_kept_for_the_room_that_reads_them() -> None:
    assert declaration(Deposit).options == {"route": "POST /deposits"}
