"""Timelines and regions of a whole app: built, killed, built anew, asked for the past and verified, on every store."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.unit.read.reading import Reading
from tests.unit.read.timelines import Followed, Posted, Region, Timeline, Unfollowed, history, plain, regions, timelines
from twofold import Aggregate, App, Command, Config, Event, OpenApp, View, decides, evolves, lookup
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.read.view_store import Search
from twofold.testing.clock import ManualClock
from twofold.testing.faults import CrashAfter, CrashError, NoFaults, Plan, faulty

VIEWS: dict[type[View], Any] = {Timeline: timelines, Region: regions}


class Say(Command):
    place: str
    number: int


class Talk(Aggregate, key="place"):
    @decides(existing=False)
    def say(self, command: Say) -> list[Event]:
        return [WORDS[command.number]]


WORDS: list[Event] = []
"""What is going to be said, by number."""


class Friend(View, key=("author", "follower"), name="Follower"):
    """As Follower, but nobody ever gets away."""

    author: str
    follower: str

    @evolves
    def followed(self, _event: Followed) -> None: ...


class Loyal(View, key="follower", name="Timeline", fold_version=1):
    """The timelines of those."""

    follower: str
    posts: list[str] = []
    unfollowed: int = 0

    @evolves(keys=lookup(Friend, "author"))
    def posted(self, event: Posted) -> None:
        self.posts.append(event.text)

    @evolves
    def stopped(self, _event: Unfollowed) -> None:
        self.unfollowed += 1


EVENTS = tuple({type(event) for event in history(random.Random(0), 200)})
TALK = App("talk", aggregates=[Talk], events=EVENTS, views=[Timeline, Region])
LOYAL = App("talk", aggregates=[Talk], events=EVENTS, views=[Loyal, Region])


async def said(talk: OpenApp, count: int) -> list[Event]:
    """Have *count* events more in the log."""
    WORDS[:] = history(random.Random(count), count)
    for number in range(count):
        await talk.send(Say(place=str(number % 3), number=number))
    return list(WORDS)


async def rows(talk: OpenApp, view: type[View]) -> dict[str, Any]:
    """The rows of *view*, by key."""
    (key,) = talk.catalog.views[view.__twofold__.name].table.key
    found = await talk.find(view, limit=1000)
    return {getattr(row, key): plain(row) for row in found}


@pytest.mark.parametrize("page", [1, 7, 1000])
async def test_the_rows_their_past_and_the_verifier_agree_with_the_model(url: str, page: int) -> None:
    async with TALK.open(url, config=Config(page_events=page), workers=False) as talk:
        events = await said(talk, 70)
        await talk.run_until_idle()

        for view, model in VIEWS.items():
            assert await rows(talk, view) == model(events)
            found = await talk.verifier.verify(view.__name__)
            assert (found.drifts, found.fault, found.why) == ({}, None, None)
        for key, expected in timelines(events[:40]).items():
            assert plain(await talk.get(Timeline, key, at=40)) == expected


async def test_a_changed_fold_of_what_is_looked_up_builds_both_anew(lasting_url: str) -> None:
    async with TALK.open(lasting_url, config=Config(), workers=False) as talk:
        events = await said(talk, 60)
        await talk.run_until_idle()
        assert await rows(talk, Timeline) == timelines(events)

    clock = ManualClock()
    async with LOYAL.open(lasting_url, config=Config(), workers=False, clock=clock) as talk:
        for _ in range(10):
            clock.advance(1.0)
            await talk.run_until_idle()
        sight = await talk.operations.sight("Timeline")
        assert sight.live is not None
        assert sight.live.generation.number == 2
        kept = [event for event in events if not isinstance(event, Unfollowed)]
        posts = {key: row[0] for key, row in timelines(kept).items() if row[0]}
        assert {key: row[0] for key, row in (await rows(talk, Loyal)).items() if row[0]} == posts


async def fold(reading: Reading, path: Path, plan: Plan, page: int) -> None:
    """Fold with a store behind *plan*, until there is nothing left or it kills."""
    store = await SqliteViewStore.open(str(path))
    reading.store = faulty(store, plan)
    try:
        projector = reading.projector(Timeline, page=page)
        while await projector.step():
            pass
    finally:
        await store.close()


async def test_killed_after_any_call_every_event_is_folded_once_into_all_of_them(tmp_path: Path) -> None:
    events = history(random.Random(3), 40)
    counted = NoFaults()
    for n in range(1, 60):
        reading = Reading()
        for event in events:
            await reading.append("Any-1", event)
        path = tmp_path / f"{n}.db"
        if n == 1:
            await fold(reading, tmp_path / "0.db", counted, 7)
        with suppress(CrashError):
            await fold(reading, path, CrashAfter(n), 7)
        await fold(reading, path, NoFaults(), 11)

        store = reading.store = await SqliteViewStore.open(str(path))
        projector = reading.projector(Timeline)
        await projector.open()
        found = {row.follower: plain(row) for row in await reading.rows(projector).find()}
        assert found == timelines(events), f"killed after call {n}"
        await store.close()
        if n > len(counted.calls):
            break
    assert {"find_lookup", "load_lookup", "save"} <= set(counted.calls)


async def test_dropped_generations_leave_no_rows_behind(tmp_path: Path) -> None:
    reading = Reading()
    store = reading.store = await SqliteViewStore.open(str(tmp_path / "views.db"))
    projector = reading.projector(Timeline)
    await projector.open()
    table = projector.definition.table
    (first,) = await store.generations("Timeline")
    second = await store.build(table._replace(fingerprint="another"), "epoch")
    assert await store.find_lookup(second, table.lookups[0], Search()) == []

    await store.drop(second)

    async with store.reading() as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert {name for name in tables if name.startswith("Timeline")} == {
        f"Timeline__{first.generation.number}",
        f"Timeline.Follower__{first.generation.number}",
    }
    await store.close()
