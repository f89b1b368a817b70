"""Talks of which some words cannot be folded, and the hands of a test that parks their rows."""

from __future__ import annotations

from typing import Any

from tests.unit.read.accounts import run
from tests.unit.read.reading import Reading
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.lot import Parks
from twofold.read.parking import Parked
from twofold.read.projector import ViewProjector
from twofold.read.view import Gone, View
from twofold.read.view_store import Generation, ParkingLot
from twofold.retry import RetryPolicy
from twofold.testing.clock import ManualClock

POISON: set[str] = set()
"""The words that cannot be folded, for as long as they are in here."""


class Said(Event):
    word: str
    to: tuple[str, ...] = ()


class Erased(Event):
    pass


class Talk(View, key="talk_id", fold_version=1):
    talk_id: str
    words: list[str] = []
    last: str = ""

    @evolves
    def said(self, event: Said) -> None:
        self.words.append(event.word)
        self.last = self.last if "\0" in self.last else event.word
        if event.word in POISON:
            raise ValueError(f"{event.word!r} is no word")

    @evolves
    def erased(self, _event: Erased) -> type[Gone]:
        return Gone


KEYS: dict[type, str] = {Said: "talk_id", Erased: "talk_id"}


class Parking:
    """A view over a log, and the hands of a test."""

    def __init__(self, reading: Reading, view: type[View] = Talk, page: int = 100, **limits: Any) -> None:
        self.reading = reading
        self.clock = ManualClock()
        self.parks = Parks(clock=self.clock, retry=RetryPolicy(first_delay=1.0, max_delay=300.0), **limits)
        self.projector: ViewProjector = reading.projector(view, keys=KEYS, page=page, parks=self.parks)

    async def say(self, talk: str, *words: str) -> int:
        position = 0
        for word in words:
            position = await self.reading.append(f"Talk-{talk}", Said(word=word))
        return position

    async def run(self) -> int:
        return await run(self.projector)

    async def later(self, seconds: float = 600.0) -> None:
        self.clock.advance(seconds)
        await self.run()

    async def parked(self) -> dict[Any, Parked]:
        store = self.reading.store
        assert isinstance(store, ParkingLot)
        return {each.key[0]: each for each in await store.parked_keys(self.generation)}

    @property
    def generation(self) -> Generation:
        return self.projector.followers[0].generation

    async def words(self, talk: str) -> list[str] | None:
        row = await self.reading.rows(self.projector).get_or_none(talk)
        return None if row is None else row.words
