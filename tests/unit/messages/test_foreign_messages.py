"""Messages that a team already has: pydantic models and dataclasses."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from twofold.errors import InvalidMessageError, UnreadableError
from twofold.messages.codec import codec_for
from twofold.messages.message_types import MessageTypes

pydantic = pytest.importorskip("pydantic")


class Line(pydantic.BaseModel):  # type: ignore[name-defined,misc]
    price: Decimal
    quantity: int = pydantic.Field(default=1, ge=1)


class PlaceOrder(pydantic.BaseModel):  # type: ignore[name-defined,misc]
    order_id: str
    lines: list[Line] = []
    at: datetime | None = None
    ratio: float = 0.0


class Keeping(pydantic.BaseModel):  # type: ignore[name-defined,misc]
    model_config = pydantic.ConfigDict(extra="allow")


class Strict(pydantic.BaseModel):  # type: ignore[name-defined,misc]
    model_config = pydantic.ConfigDict(extra="forbid")
    a: int


@dataclasses.dataclass
class Ship:
    order_id: str
    weight: Decimal = Decimal(0)


orders = codec_for(PlaceOrder, kind="command")
ORDER = PlaceOrder(order_id="1", lines=[Line(price=Decimal("1.50"))], at=datetime(2026, 1, 1, tzinfo=UTC), ratio=0.1)


def test_a_pydantic_model_comes_back_the_same() -> None:
    copy, data = orders.validate(ORDER)

    assert copy == ORDER
    assert copy is not ORDER
    assert orders.read(data) == orders.decode(data) == ORDER


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"order_id": "\0"}, "$.order_id"),
        ({"order_id": "\ud800"}, "$.order_id"),
        ({"order_id": 5}, "$.order_id"),
        ({"ratio": float("nan")}, "$.ratio"),
        ({"at": datetime(2026, 1, 1)}, "$.at"),  # noqa: DTZ001 - that is the point
        ({"lines": [Line.model_construct(price=Decimal("NaN"))]}, "$.lines[0].price"),
        ({"lines": [Line.model_construct(price=Decimal(1), quantity=0)]}, "$.lines[0].quantity"),
        ({"lines": [Line(price=Decimal("1e2000"))]}, "$.lines[0].price"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_pydantic_model_with_a_bad_value_is_refused_with_the_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        orders.validate(ORDER.model_copy(update=changes))

    assert [fault.path for fault in refused.value.faults] == [path]


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"{}", ["$.order_id"]),
        (b'{"order_id":1,"lines":[{"price":"x","quantity":0,"z":1}],"y":1}', None),
        (b'{"order_id":"a","lines":[{"price":"1","z":1}]}', ["$.lines[0].z"]),
        (b'{"order_id":"a","order_id":"b"}', ["$.order_id"]),
        (b'{"order_id":"a","at":"2026-01-01T00:00:00"}', ["$.at"]),
    ],
)
def test_bytes_at_a_door_are_held_against_the_pydantic_model(data: bytes, paths: list[str] | None) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        orders.read(data)

    expected = paths or ["$.order_id", "$.lines[0].price", "$.lines[0].quantity", "$.lines[0].z", "$.y"]
    assert [fault.path for fault in refused.value.faults] == expected


def test_a_pydantic_event_tolerates_unknown_fields_even_if_the_model_does_not() -> None:
    assert codec_for(Strict, kind="event").decode(b'{"a":1,"b":2}') == Strict(a=1)


def test_a_pydantic_event_that_keeps_unknown_fields_goes_on_keeping_them() -> None:
    event = codec_for(Keeping, kind="event").decode(b'{"b":2}')

    assert codec_for(Keeping, kind="event").encode(event) == b'{"b":2}'


def test_stored_bytes_that_the_model_refuses_are_unreadable() -> None:
    with pytest.raises(UnreadableError, match="PlaceOrder"):
        orders.decode(b'{"order_id":5}')


def test_the_schema_of_a_model_is_its_own() -> None:
    types = MessageTypes()
    types.add(PlaceOrder, "command")

    schemas = types.schema(ref_template="#/components/schemas/{name}")

    assert schemas["PlaceOrder"]["properties"]["lines"]["items"] == {"$ref": "#/components/schemas/Line"}
    assert "price" in schemas["Line"]["properties"]


def test_a_dataclass_comes_back_the_same_and_refuses_unknown_fields() -> None:
    ships = codec_for(Ship, kind="command")
    copy, data = ships.validate(Ship("1", Decimal("2.50")))

    assert copy == ships.read(data) == Ship("1", Decimal("2.50"))
    with pytest.raises(InvalidMessageError, match=r"\$\.colour: unknown field"):
        ships.read(b'{"order_id":"1","colour":1}')
    with pytest.raises(InvalidMessageError, match=r"\$\.weight: must be finite"):
        ships.validate(Ship("1", Decimal("NaN")))


def test_pydantic_is_not_imported_for_messages_that_are_not_its() -> None:
    program = "import sys, twofold.messages; sys.exit('pydantic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
