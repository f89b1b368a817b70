"""Rows found by rows that the view keeps beside its own: as of each event, however many are folded at a time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from tests.unit.read.accounts import run
from tests.unit.read.books import Books
from tests.unit.read.reading import Reading
from tests.unit.read.talks import POISON, Parking
from tests.unit.read.timelines import (
    Followed,
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


@pytest.mark.slow
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


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Priced(Event):
    item: str
    size: Size
    price: Decimal
    since: datetime | None = None


class Sold(Event):
    size: Size
    price: Decimal
    since: datetime | None = None


class Offer(View, key="item"):
    item: str
    size: Size = Size.SMALL
    price: Decimal = Decimal(0)
    since: datetime | None = None

    @evolves
    def priced(self, event: Priced) -> None:
        self.size, self.price, self.since = event.size, event.price, event.since


class Sale(View, key=("item", "till")):
    item: str
    till: int
    sold: int = 0

    @evolves(keys=lookup(Offer, "size", "price", "since"))
    def was_sold(self, _event: Sold) -> None:
        self.sold += 1


@pytest.mark.parametrize("page", [1, 100])
async def test_values_are_equal_as_in_python_and_the_rest_of_the_key_is_the_events(stored: Reading, page: int) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for item, size, price, since in (
        ("a", Size.SMALL, "1.0", noon),
        ("b", Size.SMALL, "1.00", noon.astimezone(timezone(timedelta(hours=2)))),
        ("c", Size.LARGE, "1", noon),
        ("d", Size.SMALL, "1", None),
    ):
        await stored.append("Any-1", Priced(item=item, size=size, price=Decimal(price), since=since))
    await stored.append("Till-7", Sold(size=Size.SMALL, price=Decimal(1), since=noon))
    await stored.append("Till-8", Sold(size=Size.SMALL, price=Decimal("1.000")))
    projector = stored.projector(Sale, keys={Sold: "till"}, page=page)

    await run(projector)

    assert projector.status().error is None
    found = [(row.item, row.till, row.sold) for row in await stored.rows(projector).find()]
    assert found == [("a", 7, 1), ("b", 7, 1), ("d", 8, 1)]


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
