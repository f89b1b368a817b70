"""A post office whose views are spread over shards, and processes that share them, without a process of their own."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from twofold import Aggregate, App, Command, Config, Event, OpenApp, Query, Rows, View, answers, decides, evolves
from twofold.app.stores import OpenViewStore, parse_url, technology, views_url
from twofold.app.wiring import wire
from twofold.event_store.recorded_event import RecordedEvent
from twofold.testing.clock import ManualClock

SHARDS = 4
CONFIG = Config(page_events=3, pool_size=3)
BOXES = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "leo"]
TOWNS = ["Oslo", "Rome", "Cairo", "Lima", "Quito", "Dakar"]
"""In every shard there is one of them at least."""


class Post(Command):
    box: str
    number: int
    town: str


class Posted(Event):
    number: int
    town: str


class Box(Aggregate, key="box"):
    @decides(existing=False)
    def post(self, command: Post) -> Posted:
        return Posted(number=command.number, town=command.town)


class BoxPage(View, key="box", shards=SHARDS):
    """Its key is the stream: a shard reads no more than its own slices."""

    box: str
    numbers: list[int] = []

    @evolves
    def posted(self, event: Posted) -> None:
        self.numbers.append(event.number)


class TownPage(View, key="town", shards=SHARDS):
    """Any stream may touch any row: every shard reads all events."""

    town: str
    numbers: list[int] = []

    @evolves
    def posted(self, event: Posted) -> None:
        self.numbers.append(event.number)


class Boxes(Query[list[BoxPage]]):
    pass


@answers
async def boxes(query: Boxes, pages: Rows[BoxPage]) -> list[BoxPage]:
    return await pages.find(order_by="box")


POST = App("post", aggregates=[Box], views=[BoxPage, TownPage], queries=[boxes])


def with_shards(shards: int) -> App:
    """The same post office with another number of shards in its code."""

    class Boxes(BoxPage, key="box", shards=shards, name="BoxPage"):
        pass

    class Towns(TownPage, key="town", shards=shards, name="TownPage"):
        pass

    return App("post", aggregates=[Box], views=[Boxes, Towns])


Wrap = Callable[[OpenViewStore], OpenViewStore]


class Team:
    """Processes on one store. Their workers step when a test says so, and time passes when it says so."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = ManualClock()
        self.members: dict[str, OpenApp] = {}
        self.sent = 0
        self._stack = AsyncExitStack()
        self._ends: dict[str, AsyncExitStack] = {}

    async def come(self, name: str, *, app: App = POST, config: Config = CONFIG, wrap: Wrap | None = None) -> OpenApp:
        """One more process, with connections of its own."""
        end = self._ends[name] = AsyncExitStack()
        log_at, rows_at = parse_url(self.url), parse_url(views_url(self.url, None))
        log = await technology(log_at.scheme).open_log(log_at.path, self.clock, config)
        end.push_async_callback(log.close)
        rows = await technology(rows_at.scheme).open_views(rows_at.path, config)
        end.push_async_callback(rows.close)
        opened = self.members[name] = wire(app, config, self.clock, log, rows if wrap is None else wrap(rows))
        await opened.start(run_workers=False)
        return opened

    async def leave(self, name: str) -> None:
        """The process ends as it should."""
        await self.members.pop(name).close()
        await self._ends.pop(name).aclose()

    async def die(self, name: str) -> None:
        """The process is gone, and gives nothing up."""
        del self.members[name]
        await self._ends.pop(name).aclose()

    def stand_still(self, name: str) -> None:
        """The process does nothing any more, but it is not gone."""
        del self.members[name]
        self._stack.push_async_callback(self._ends.pop(name).aclose)

    async def post(self, count: int, rng: random.Random, by: str | None = None) -> str:
        """So many letters, numbered on, into boxes by chance; the token of the last."""
        sender = self.members[by] if by else next(iter(self.members.values()))
        token = ""
        for _ in range(count):
            self.sent += 1
            letter = Post(box=rng.choice(BOXES), number=self.sent, town=rng.choice(TOWNS))
            token = (await sender.send(letter)).token
        return token

    async def settle(self, rounds: int = 4) -> None:
        """Everybody steps in turn until nothing moves any more."""
        for _ in range(rounds):
            for member in list(self.members.values()):
                await member.run_until_idle()

    async def agrees(self) -> None:
        """The rows of every view are what the log says, worked out without any fold."""
        some = next(iter(self.members.values()))
        events: list[RecordedEvent] = []
        while page := (await some.log.events.read_log(events[-1].position if events else 0)).events:
            events += page
        assert [event.position for event in events] == sorted({event.position for event in events})
        assert len(events) == self.sent
        in_boxes, in_towns = defaultdict(list), defaultdict(list)
        reader = some.app.catalog.event_reader
        for event in events:
            posted = reader.decoder(event.type, event.schema_version)(event.data)
            in_boxes[event.stream.removeprefix("Box-")].append(posted.number)
            in_towns[posted.town].append(posted.number)
        box_page, town_page = (some.catalog.views[name].view for name in ("BoxPage", "TownPage"))
        assert {row.box: row.numbers for row in await some.find(box_page)} == in_boxes
        assert {row.town: row.numbers for row in await some.find(town_page)} == in_towns

    def holders(self, view: str) -> list[str]:
        """Who runs each shard of *view*; it must be one."""
        found: list[str] = []
        for shard in range(SHARDS):
            running = [name for name in self.members if self.shards(name, view)[shard].state == "running"]
            assert len(running) == 1, f"{running} run shard {shard} of {view}"
            found += running
        return found

    def shards(self, name: str, view: str):
        """What that process says of each shard."""
        return self.members[name].projectors[view].status().shards

    async def close(self) -> None:
        """Everybody leaves."""
        for name in list(self.members):
            await self.leave(name)
        await self._stack.aclose()


@asynccontextmanager
async def team_on(url: str) -> AsyncIterator[Team]:
    team = Team(url)
    try:
        yield team
    finally:
        await team.close()
