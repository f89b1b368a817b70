"""Views that look rows up, a plain-Python model of what they have to be, and random histories."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

from tests.unit.read.talks import POISON
from twofold.messages.folding import evolves
from twofold.messages.lookup import lookup
from twofold.messages.message import Event
from twofold.read.view import Gone, View


class Followed(Event):
    author: str
    follower: str


class Unfollowed(Event):
    author: str
    follower: str


class Posted(Event):
    author: str
    text: str


class Moved(Event):
    customer: str
    region: str | None = None


class Left(Event):
    customer: str


class Bought(Event):
    buyer: str
    amount: int


class Follower(View, key=("author", "follower")):
    author: str
    follower: str
    times: int = 0

    @evolves
    def followed(self, _event: Followed) -> None:
        self.times += 1

    @evolves
    def unfollowed(self, _event: Unfollowed) -> type[Gone]:
        return Gone


class Timeline(View, key="follower", fold_version=1):
    """What those whom somebody follows have posted since."""

    follower: str
    posts: list[str] = []
    unfollowed: int = 0

    @evolves(keys=lookup(Follower, "author"))
    def posted(self, event: Posted) -> None:
        if (self.follower, event.text) in {("bob", word) for word in POISON}:
            raise ValueError(f"{event.text!r} is no post")
        self.posts.append(event.text)

    @evolves
    def stopped(self, _event: Unfollowed) -> None:
        self.unfollowed += 1


class Home(View, key="customer"):
    customer: str
    region: str | None = None

    @evolves
    def moved(self, event: Moved) -> None:
        self.region = event.region

    @evolves
    def left(self, _event: Left) -> type[Gone]:
        return Gone


class Region(View, key="region"):
    """Found by a field that changes, and by an event that is itself folded into what is looked up."""

    region: str
    sold: int = 0
    arrived: int = 0

    @evolves(keys=lookup(Home, customer="buyer"))
    def bought(self, event: Bought) -> None:
        self.sold += event.amount

    @evolves(keys=lookup(Home, customer=lambda event: event.customer))
    def moved(self, _event: Moved) -> None:
        self.arrived += 1


NAMES = ("ada", "bob", "cy")


def history(rng: random.Random, length: int) -> list[Event]:
    """Events in which people follow, post, move and buy."""
    return [_event(rng, number) for number in range(length)]


def _event(rng: random.Random, number: int) -> Event:
    one, other = rng.choice(NAMES), rng.choice(NAMES)
    return rng.choice(
        [
            Followed(author=one, follower=other),
            Unfollowed(author=one, follower=other),
            Posted(author=one, text=str(number)),
            Posted(author=other, text=str(number)),
            Moved(customer=one, region=rng.choice(("north", "south", None))),
            Left(customer=one),
            Bought(buyer=one, amount=number),
        ]
    )


def timelines(events: list[Event]) -> dict[str, tuple[list[str], int]]:
    """The rows of Timeline, one event at a time."""
    follows: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, tuple[list[str], int]] = {}
    for event in events:
        match event:
            case Followed():
                follows[event.author].add(event.follower)
            case Unfollowed():
                follows[event.author].discard(event.follower)
                posts, unfollowed = rows.get(event.follower, ([], 0))
                rows[event.follower] = (posts, unfollowed + 1)
            case Posted():
                for follower in follows[event.author]:
                    posts, unfollowed = rows.get(follower, ([], 0))
                    rows[follower] = ([*posts, event.text], unfollowed)
    return rows


def regions(events: list[Event]) -> dict[str, tuple[int, int]]:
    """The rows of Region, one event at a time."""
    homes: dict[str, str | None] = {}
    rows: dict[str, tuple[int, int]] = {}
    for event in events:
        match event:
            case Moved():
                homes[event.customer] = region = event.region
                if region is not None:
                    sold, arrived = rows.get(region, (0, 0))
                    rows[region] = (sold, arrived + 1)
            case Left():
                homes.pop(event.customer, None)
            case Bought() if (region := homes.get(event.buyer)) is not None:
                sold, arrived = rows.get(region, (0, 0))
                rows[region] = (sold + event.amount, arrived)
    return rows


def plain(row: Any) -> Any:
    """A row as the models have it."""
    return (row.posts, row.unfollowed) if hasattr(row, "posts") else (row.sold, row.arrived)
