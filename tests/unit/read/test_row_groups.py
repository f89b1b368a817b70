"""Which rows an event belongs to: two, several, or one by several parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from tests.unit.read.accounts import Opened, run
from tests.unit.read.reading import Reading
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.view import View


class Transferred(Event):
    source: str
    target: str
    amount: int


class Holding(View, key="owner"):
    owner: str
    amount: int = 0
    moves: int = 0

    @evolves(key=lambda event: event.source)
    def gave(self, event: Transferred) -> None:
        self.amount -= event.amount

    @evolves(key=lambda event: event.target)
    def got(self, event: Transferred) -> None:
        self.amount += event.amount
        self.moves += 1


async def test_one_event_may_be_folded_into_two_rows(reading: Reading) -> None:
    await reading.append("Bank-1", Transferred(source="ada", target="bob", amount=5))
    projector = reading.projector(Holding)

    await run(projector)

    assert {row.owner: row.amount for row in await reading.rows(projector).find()} == {"ada": -5, "bob": 5}


async def test_both_folds_run_when_both_rows_are_the_same(reading: Reading) -> None:
    await reading.append("Bank-1", Transferred(source="ada", target="ada", amount=5))
    projector = reading.projector(Holding)

    await run(projector)

    assert await reading.rows(projector).find() == [Holding(owner="ada", amount=0, moves=1)]


class Tagged(Event):
    tags: list[str]


class Tag(View, key="tag"):
    tag: str
    uses: int = 0

    @evolves(keys=lambda event: event.tags)
    def tagged(self, _event: Tagged) -> None:
        self.uses += 1


async def test_keys_fold_an_event_into_each_of_several_rows_once(reading: Reading) -> None:
    await reading.append("Post-1", Tagged(tags=["red", "blue", "red"]), Tagged(tags=[]), Tagged(tags=["blue"]))
    projector = reading.projector(Tag)

    await run(projector)

    assert {row.tag: row.uses for row in await reading.rows(projector).find()} == {"red": 1, "blue": 2}


class Sold(Event):
    day: str
    department: str
    amount: int


class Revenue(View, key=("day", "department")):
    day: str
    department: str
    amount: int = 0

    @evolves
    def sold(self, event: Sold) -> None:
        self.amount += event.amount


async def test_composite_keys_group_by_several_parts(reading: Reading) -> None:
    await reading.append(
        "Shop-1",
        Sold(day="mon", department="deli", amount=1),
        Sold(day="mon", department="deli", amount=2),
        Sold(day="tue", department="deli", amount=4),
    )
    projector = reading.projector(Revenue)

    await run(projector)

    assert (await reading.rows(projector).get(("mon", "deli"))).amount == 3
    assert (await reading.rows(projector).get(("tue", "deli"))).amount == 4


@dataclass
class Moved:
    parcel: UUID
    to: str


class Parcel(View, key="parcel"):
    parcel: UUID
    at: str = ""

    @evolves
    def moved(self, event: Moved) -> None:
        self.at = event.to

    @evolves
    def opened(self, event: Opened) -> None:
        self.at = event.owner


async def test_events_may_be_dataclasses_and_streams_may_be_named_by_uuids(reading: Reading) -> None:
    one, other = UUID(int=1), UUID(int=2)
    await reading.append("Parcel-1", Moved(one, "Oslo"))
    await reading.append(f"Parcel-{other}", Opened(owner="Rome"))
    projector = reading.projector(Parcel, keys={Opened: "parcel"})

    await run(projector)

    assert {row.parcel: row.at for row in await reading.rows(projector).find()} == {one: "Oslo", other: "Rome"}


class Shade(Enum):
    RED = "red"
    BLUE = "blue"


class Painted(Event):
    shade: Shade


class Used(View, key="shade"):
    shade: Shade
    times: int = 0

    @evolves
    def painted(self, _event: Painted) -> None:
        self.times += 1


async def test_a_key_may_be_stored_as_something_else_than_events_give_it(reading: Reading) -> None:
    projector = reading.projector(Used)
    for shade in (Shade.RED, Shade.BLUE, Shade.RED):
        await reading.append("Wall-1", Painted(shade=shade))
        await run(projector)

    assert {row.shade: row.times for row in await reading.rows(projector).find()} == {Shade.RED: 2, Shade.BLUE: 1}
