"""A message that can hold everything a message may hold."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import msgspec

from twofold.messages.message import Command, Event


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(msgspec.Struct):
    price: Decimal
    quantity: Annotated[int, msgspec.Meta(ge=1)] = 1


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str
    born: datetime


class Tree(msgspec.Struct):
    at: datetime
    branches: list[Tree] = []


@dataclasses.dataclass
class Label:
    text: str
    weight: Decimal | None = None


class Size(TypedDict):
    width: int
    height: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: Decimal


class Parcel(Command):
    text: str = ""
    maybe: str | None = None
    number: int = 0
    ratio: float = 0.0
    rate: float | None = None
    money: Decimal = Decimal(0)
    cost: Decimal | int | None = None
    id: UUID | None = None
    at: datetime | None = None
    day: date | None = None
    hour: time | None = None
    lasting: timedelta | None = None
    data: bytes = b""
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    short: Annotated[str, msgspec.Meta(max_length=5)] = ""
    lines: list[Line] = []
    prices: dict[str, Decimal] = {}
    numbered: dict[int, str] = {}
    tags: frozenset[str] = frozenset()
    row: tuple[Decimal, ...] = ()
    pair: tuple[int, str] = (0, "")
    order: Sequence[int] = []
    named: Mapping[str, int] = {}
    pets: list[Cat | Dog] = []
    tree: Tree | None = None
    label: Label | None = None
    size: Size | None = None
    boxes: dict[str, list[Label]] = {}
    both: tuple[Label, Line] | None = None
    point: Point | None = None
    loose: Any = None


class ParcelSent(Event):
    parcel: Parcel


class Deposit(Command):
    account_id: str
    amount: Decimal
