"""Rows found by rows that the view keeps beside its own: as of each event, however many are folded at a time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.read.accounts import run
from tests.unit.read.books import Books
from tests.unit.read.reading import Reading
from tests.unit.read.talks import POISON, Parking
from tests.unit.read.timelines import (
    Followed,
    Follower,
    Home,
    Moved,
    Posted,
    Region,
    Timeline,
    Unfollowed,
    history,
    plain,
    regions,
    timelines,
)
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.errors import MisuseError
from twofold.messages.folding import evolves
from twofold.messages.lookup import lookup
from twofold.messages.message import Event
from twofold.read import lookups
from twofold.read.batch import Folder
from twofold.read.define_view import define_view
from twofold.read.follower import Paging
from twofold.read.past import Past
from twofold.read.view import View
from twofold.read.view_store import LookupRows, Search

VIEWS: dict[type[View], Any] = {Timeline: timelines, Region: regions}


@pytest.fixture(autouse=True)
def _poison() -> Iterator[None]:
    POISON.clear()
    yield
    POISON.clear()


@pytest.fixture(params=["memory", "sqlite"])
async def stored(request: pytest.FixtureRequest, reading: Reading, tmp_path: Path) -> AsyncIterator[Reading]:
    """A read side whose rows are in each kind of store."""
    if request.param == "memory":
        yield reading
        return
    reading.store = store = await SqliteViewStore.open(str(tmp_path / "views.db"))
    yield reading
    await store.close()


async def folded(reading: Reading, view: type[View], events: list[Event], rng: random.Random) -> dict[str, Any]:
    """The rows of *view*, folded by projectors that come and go while events are appended."""
    left = list(events)
    while left:
        count = rng.randint(1, 40)
        for event in left[:count]:
            await reading.append("Any-1", event)
        left = left[count:]
        projector = reading.projector(view, page=rng.choice((1, 2, 7, 1000)))
        for _ in range(rng.randint(1, 3)):
            await projector.step()
    projector = reading.projector(view, page=rng.choice((1, 2, 7, 1000)))
    await run(projector)
    assert projector.status().error is None
    (key,) = projector.definition.table.key
    return {getattr(row, key): plain(row) for row in await reading.rows(projector).find()}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("view", VIEWS)
async def test_batches_of_any_size_give_the_rows_of_one_event_at_a_time(
    stored: Reading, view: type[View], seed: int
) -> None:
    rng = random.Random(seed)
    events = history(rng, 150)

    assert await folded(stored, view, events, rng) == VIEWS[view](events), f"seed {seed}"


@pytest.mark.parametrize("seed", range(4))
async def test_each_event_is_folded_once_into_the_rows_that_are_looked_up(stored: Reading, seed: int) -> None:
    rng = random.Random(seed)
    events = history(rng, 100)
    times: dict[tuple[str, str], int] = {}
    for event in events:
        if isinstance(event, Followed):
            times[event.author, event.follower] = times.get((event.author, event.follower), 0) + 1
        elif isinstance(event, Unfollowed):
            times.pop((event.author, event.follower), None)

    await folded(stored, Timeline, events, rng)

    table = define_view(Timeline).table
    generation = await stored.store.open_generation(table, stored.source.epoch)
    assert isinstance(stored.store, LookupRows)
    found = await stored.store.find_lookup(generation, table.lookups[0], Search())
    assert {(row.values["author"], row.values["follower"]): row.values["times"] for row in found} == times


async def test_rows_looked_up_as_of_the_end_of_a_batch_would_be_seen(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Folder._look_up

    async def too_late(self: Folder, events: Any, after: int, where: Any) -> Any:
        happened = self._happened(events, after)
        sheets = await where.sheets(self._definition, happened)
        for recorded, event in happened:
            sheets.take(event, recorded.stream, recorded.position)
        found, changes = await right(self, events, after, where)
        for recorded, event in happened:
            for how in (route.lookup for route in self._definition.routes.get(type(event), ()) if route.lookup):
                found[recorded.position] = sheets._look_up(how, event, recorded.stream)  # type: ignore[index]
        return found, changes

    monkeypatch.setattr(Folder, "_look_up", too_late)
    rng = random.Random(1)
    events = history(rng, 150)

    assert await folded(reading, Timeline, events, rng) != timelines(events)


# --- the past, and the verifier -----------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("view", VIEWS)
async def test_the_past_of_a_row_is_what_was_looked_up_then(reading: Reading, view: type[View], seed: int) -> None:
    rng = random.Random(seed)
    events = history(rng, 60)
    for event in events:
        await reading.append("Any-1", event)
    definition = define_view(view)
    past = Past(reading.source, reading.events(definition.events), {}, paging=Paging(7))

    for position in range(1, len(events) + 1, 5):
        expected = VIEWS[view](events[:position])
        for key in ("ada", "bob", "cy", "north", "south"):
            row = await past.row(definition, (key,), position)
            assert (None if row is None else plain(row)) == expected.get(key), f"seed {seed}, {key} at {position}"


async def test_only_rows_that_can_lead_to_the_wanted_one_are_held(reading: Reading) -> None:
    sheets = lookups.Sheets.whole(define_view(Timeline), [("bob",)])

    for number in range(10):
        sheets.take(Followed(author=str(number % 2), follower=f"f{number}"), "Any-1", number + 1)
    sheets.take(Followed(author="0", follower="bob"), "Any-1", 11)

    assert sheets.take(Posted(author="0", text=""), "Any-1", 12) == [("bob",)]
    assert len(sheets["Timeline.Follower"].changes()) == 1


@pytest.mark.parametrize("view", VIEWS)
async def test_the_verifier_finds_rows_right_and_an_edited_one_wrong(reading: Reading, view: type[View]) -> None:
    for event in history(random.Random(5), 80):
        await reading.append("Any-1", event)
    books = Books(reading, view, homes={}, page=9)
    await run(books.projector)

    assert await books.drifts() == []

    key, field = (("ada",), "unfollowed") if view is Timeline else (("north",), "arrived")
    await books.edit(key, **{field: 999})
    (drift,) = await books.drifts()
    assert (drift.key, drift.kind) == (key, "differs")


# --- what fails ---------------------------------------------------------------------------


async def say(reading: Reading, *events: Event) -> None:
    for event in events:
        await reading.append("Any-1", event)


@pytest.mark.parametrize("page", [1, 3, 100])
async def test_a_row_that_fails_among_many_is_parked_and_gets_exactly_what_it_was_found_for(
    reading: Reading, page: int
) -> None:
    POISON.add("bad")
    parking = Parking(reading, Timeline, page=page)
    followers = [Followed(author="ada", follower=each) for each in ("bob", "cy", "ada")]
    unfollowed, again = Unfollowed(author="ada", follower="bob"), Followed(author="ada", follower="bob")
    texts = [Posted(author="ada", text=text) for text in ("a", "bad", "c", "unseen", "e")]
    events = [*followers, *texts[:3], unfollowed, texts[3], again, texts[4]]
    await say(reading, *events)
    await parking.run()

    assert list(await parking.parked()) == ["bob"]
    assert await rows(parking) == {**timelines(events), "bob": (["a"], 0)}

    POISON.clear()
    await say(reading, unfollowed)
    await parking.run()
    await parking.later()

    assert await parking.parked() == {}
    assert await rows(parking) == timelines([*events, unfollowed])


async def rows(parking: Parking) -> dict[str, Any]:
    found = await parking.reading.rows(parking.projector).find()
    return {row.follower: plain(row) for row in found}


class Fragile(View, key="customer"):
    customer: str
    region: str | None = None

    @evolves
    def moved(self, event: Moved) -> None:
        if event.region in POISON:
            raise ValueError(f"no such place as {event.region}")
        self.region = event.region


class Visits(View, key="region"):
    region: str
    visits: int = 0

    @evolves(keys=lookup(Fragile, "customer"))
    def visited(self, _event: Moved) -> None:
        self.visits += 1


async def test_a_row_that_is_looked_up_and_fails_stops_the_view_at_that_event(reading: Reading) -> None:
    POISON.add("nowhere")
    parking = Parking(reading, Visits)
    await say(reading, Moved(customer="1", region="north"), Moved(customer="1", region="nowhere"))

    await parking.run()

    status = parking.projector.status()
    assert (status.state, status.position, status.failed_at) == ("stopped", 1, 2)
    assert "no such place" in (status.error or "")
    assert await parking.parked() == {}


async def test_a_batch_that_finds_too_many_rows_is_folded_event_by_event(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twofold.read.batch.MOST", 3)
    monkeypatch.setattr(lookups, "MOST", 3)
    events: list[Event] = [Followed(author="ada", follower=each) for each in "abc"]
    events += [Posted(author="ada", text=text) for text in "xyz"]
    await say(reading, *events)
    projector = reading.projector(Timeline)
    await run(projector)

    found = {row.follower: row.posts for row in await reading.rows(projector).find()}
    assert found == {"a": ["x", "y", "z"], "b": ["x", "y", "z"], "c": ["x", "y", "z"]}

    await say(reading, Followed(author="ada", follower="d"), Posted(author="ada", text="too many"))
    await run(projector)

    assert projector.status().failed_at == len(events) + 2
    assert "more than 3 rows" in (projector.status().error or "")


async def test_a_store_that_cannot_keep_such_rows_says_so(reading: Reading) -> None:
    class Simple:
        identity = "simple"

        def __init__(self, inner: Any) -> None:
            self.open_generation, self.checkpoint = inner.open_generation, inner.checkpoint

    reading.store = Simple(reading.store)  # type: ignore[assignment]
    with pytest.raises(MisuseError, match="Timeline looks rows up, and Simple cannot keep them"):
        await reading.projector(Timeline).open()


# --- what is declared ---------------------------------------------------------------------


def faults(view: type[View]) -> str:
    return "\n".join(define_view(view).faults)


def looking(found: Any, key: str = "follower", **options: Any) -> type[View]:
    """A view that folds Posted into the rows that *found* says."""

    class Wrong(View, key=key, **options):
        follower: str = ""
        region: int = 0
        other: str = ""

        @evolves(keys=found)
        def posted(self, event: Posted) -> None: ...

    return Wrong


class Chained(View, key="author"):
    author: str

    @evolves(keys=lookup(Follower, "author"))
    def posted(self, event: Posted) -> None: ...


class Sharded(View, key=("author", "follower"), shards=2):
    author: str
    follower: str

    @evolves
    def followed(self, event: Followed) -> None: ...


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (looking(lookup(Follower, "writer")), "by 'writer', which is not one of its fields"),
        (looking(lookup(Follower)), "by no field"),
        (looking(lookup(Follower, author="writer")), "'writer', which is not a field of Posted"),
        (looking(lookup(Follower, "author", author="text")), "a field that is named twice"),
        (looking(lookup(Follower, "author"), shards=2), "can have one shard only"),
        (looking(lookup(Sharded, "author")), "cannot have shards"),
        (looking(lookup(Chained, "author")), "looks rows up itself"),
        (looking(lookup(str, "author")), "which is no View class"),
        (looking(lookup(Follower, "author"), key="other"), "neither of Wrong.Follower nor of Posted"),
        (looking(lookup(Home, customer="author"), key="region"), "its key region is integer"),
    ],
)
def test_a_wrong_lookup_is_a_fault_in_words(view: type[View], words: str) -> None:
    assert words in faults(view)


class Twice(View, key="follower"):
    follower: str

    @evolves(keys=lookup(Follower, "author"))
    def posted(self, event: Posted) -> None: ...

    @evolves(key=lambda event: event.author)
    def posted_too(self, event: Posted) -> None: ...


def test_an_event_whose_rows_are_looked_up_has_no_other_fold() -> None:
    assert "can have no other fold of it" in faults(Twice)


def test_the_fingerprint_covers_what_is_looked_up_and_how() -> None:
    def timeline(rule: type[View], field: str = "author") -> str:
        class Feed(View, key="follower"):
            follower: str

            @evolves(keys=lookup(rule, author=field))
            def posted(self, event: Posted) -> None: ...

        return define_view(Feed).table.fingerprint

    def follower(times: int) -> type[View]:
        class Follower(View, key=("author", "follower")):
            author: str
            follower: str
            times: int = 0

            @evolves
            def followed(self, _event: Followed) -> None:
                self.times += times

        return Follower

    marks = [timeline(follower(1)), timeline(follower(2)), timeline(follower(1), "text"), timeline(follower(1))]
    assert marks[0] == marks[3]
    assert len(set(marks)) == 3
