"""An office that files letters, some of which cannot be read; for tests of rows that fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twofold import Aggregate, App, Command, Config, Event, OpenApp, Query, Rows, View, answers, decides, evolves
from twofold.read.parking import Parked
from twofold.testing.clock import ManualClock

UNREADABLE: set[str] = set()
"""What cannot be read, for as long as it is in here: the fault that a test plants, and corrects."""
CONFIG = Config(lease_seconds=3600.0)


class File(Command):
    desk: str
    text: str
    copies: tuple[str, ...] = ()


class Filed(Event):
    desk: str
    text: str
    copies: tuple[str, ...] = ()


class Desk(Aggregate, key="desk"):
    @decides(existing=False)
    def file(self, command: File) -> Filed:
        return Filed(desk=command.desk, text=command.text, copies=command.copies)


def read(desk: str, text: str) -> str:
    if text in UNREADABLE or f"{desk}:{text}" in UNREADABLE:
        raise ValueError(f"{text!r} cannot be read")
    return text


class Pile(View, key="desk", fold_version=1):
    """What lies on a desk."""

    desk: str
    texts: list[str] = []
    letters: int = 0

    @evolves
    def filed(self, event: Filed) -> None:
        self.letters += 1
        self.texts.append("half read")
        self.texts[-1] = read(self.desk, event.text)


class Copied(View, key="to", shards=3, fold_version=1):
    """What was sent to whom: one letter may go to several, and their rows be in several shards."""

    to: str
    texts: list[str] = []

    @evolves(keys=lambda event: event.copies)
    def filed(self, event: Filed) -> None:
        self.texts.append(read(self.to, event.text))


class Busiest(Query[list[Pile]]):
    at_least: int = 0


@answers
async def busiest(query: Busiest, piles: Rows[Pile]) -> list[Pile]:
    return await piles.find(piles.c.letters >= query.at_least, order_by="-letters")


OFFICE = App("office", aggregates=[Desk], views=[Pile, Copied], queries=[busiest])


async def file(office: OpenApp, desk: str, *texts: str, copies: tuple[str, ...] = ()) -> str:
    """File *texts* one after another; the token of the last one."""
    token = ""
    for text in texts:
        token = (await office.send(File(desk=desk, text=text, copies=copies))).token
    return token


async def texts(office: OpenApp, desk: str, view: Any = Pile) -> list[str] | None:
    """What lies on *desk*."""
    row = await office.rows(view).get_or_none(desk)
    return None if row is None else list(row.texts)


async def parked(office: OpenApp, view: str = "Pile") -> dict[str, Parked]:
    """What is parked of a view, by key."""
    return {letter.name: letter.parked for letter in await office.dead_letters.all(view)}


async def later(office: OpenApp, clock: ManualClock, seconds: float = 400.0) -> None:
    """Let so much time pass that whatever is parked is tried again."""
    clock.advance(seconds)
    await office.run_until_idle()


def folded(history: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """What the whole history comes to when everything can be read."""
    piles: dict[str, list[str]] = {}
    for desk, text in history:
        piles.setdefault(desk, []).append(text)
    return piles
