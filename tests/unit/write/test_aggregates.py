"""An aggregate's class, read: its streams, its decisions, its events, and everything that is wrong with it."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

import pytest

from tests.unit.write.bank import Place
from twofold import Aggregate, App, Command, Event, OpenApp, StreamNotFoundError, decides, evolves
from twofold.write.aggregate import define_aggregate


class Book(Command):
    hotel: str
    room: str


class Booked(Event):
    pass


class Cancelled(Event):
    pass


class Moved(Event):
    pass


class Room(Aggregate, key=("hotel", "room")):
    nights: int = 0

    @decides(existing=False)
    def book(self, command: Book) -> Booked:
        return Booked()

    @evolves
    def booked(self, event: Booked) -> None:
        self.nights += 1


@pytest.fixture
async def hotel(place: Place):
    async with place.open(App("hotel", aggregates=[Room])) as opened:
        yield opened


@pytest.mark.parametrize(
    ("parts", "stream"),
    [
        (("ritz", "12"), "Room-ritz,12"),
        (("a,b", "c"), "Room-a%2Cb,c"),
        (("a", "b,c"), "Room-a,b%2Cc"),
        (("ü/ ", "-"), "Room-%C3%BC%2F%20,-"),
    ],
)
async def test_parts_of_a_composite_key_never_run_together(hotel: OpenApp, parts: tuple[str, str], stream: str) -> None:
    receipt = await hotel.send(Book(hotel=parts[0], room=parts[1]))

    assert receipt.stream == stream
    assert (await hotel.load(Room, parts)).nights == 1


async def test_a_state_can_be_looked_at_as_of_a_version(hotel: OpenApp) -> None:
    for _ in range(3):
        await hotel.send(Book(hotel="ritz", room="1"))

    assert [(await hotel.load(Room, ("ritz", "1"), version=n)).nights for n in (1, 2, 3)] == [1, 2, 3]
    with pytest.raises(StreamNotFoundError):
        await hotel.load(Room, ("ritz", "2"))


async def test_a_loaded_state_is_ones_own(hotel: OpenApp) -> None:
    await hotel.send(Book(hotel="ritz", room="1"))
    (await hotel.load(Room, ("ritz", "1"))).nights = 99

    assert (await hotel.load(Room, ("ritz", "1"))).nights == 1


def events_of(returns: Any) -> set[type]:
    def decide(self: Any, command: Book) -> Any: ...

    decide.__annotations__ = {"command": Book, "return": returns}
    made: Any = types.new_class(
        "Made", (Aggregate,), {"key": "room"}, lambda space: space.update(decide=decides(decide))
    )
    definition, faults = define_aggregate(made)
    assert faults == []
    return set(definition.events)


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (Booked, {Booked}),
        (Booked | None, {Booked}),
        (None, set()),
        (list[Booked], {Booked}),
        (list[Booked | Cancelled], {Booked, Cancelled}),
        (tuple[Booked, Cancelled], {Booked, Cancelled}),
        (tuple[Booked, ...] | None, {Booked}),
        (Iterable[Booked | Cancelled] | Moved, {Booked, Cancelled, Moved}),
        ("Booked | None", {Booked}),
        (Any, set()),
    ],
)
def test_events_are_found_in_return_annotations(returns: Any, expected: set[type]) -> None:
    assert events_of(returns) == expected


def test_subclasses_inherit_decisions_and_folds() -> None:
    class Suite(Room, key=("hotel", "room"), name="Suite"):
        @evolves
        def cancelled(self, event: Cancelled) -> None: ...

    definition, faults = define_aggregate(Suite)

    assert faults == []
    assert [decision.command for decision in definition.decisions] == [Book]
    assert set(definition.events) == {Booked, Cancelled}
    assert definition.category == "Suite"


class Keyless(Aggregate):
    nights: int = 0


class Dashed(Aggregate, key="room", name="a-b"):
    nights: int = 0


class NoDefault(Aggregate, key="room"):
    nights: int


class NoSuchKey(Aggregate, key="guest"):
    @decides
    def book(self, command: Book) -> None: ...


class Twice(Aggregate, key="room"):
    @evolves
    def one(self, event: Booked) -> None: ...

    @evolves
    def two(self, event: Booked) -> None: ...


class Bare(Aggregate, key="room"):
    @decides
    def book(self, command) -> None: ...


class Later(Aggregate, key="room"):
    @decides
    async def book(self, command: Book) -> None: ...


class LaterFold(Aggregate, key="room"):
    @evolves
    async def booked(self, event: Booked) -> None: ...


@pytest.mark.parametrize(
    ("cls", "fault"),
    [
        (Keyless, "Keyless has no key"),
        (Dashed, "no dash"),
        (NoDefault, r"NoDefault\.nights needs a default"),
        (NoSuchKey, "Book has no field 'guest', the key of NoSuchKey"),
        (Twice, "Twice folds Booked twice"),
        (Bare, r"Bare\.book must take one annotated parameter"),
        (Later, r"Later\.book must not be async"),
        (LaterFold, r"LaterFold\.booked must not be async"),
    ],
)
def test_what_is_wrong_with_a_class_is_said(cls: type[Aggregate], fault: str) -> None:
    _, faults = define_aggregate(cls)

    assert len(faults) == 1
    with pytest.raises(AssertionError, match=fault):
        raise AssertionError(faults[0])
