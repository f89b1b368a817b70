"""An event that fails parks the row that it fails on; its later events wait behind it, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.unit.read.accounts import Unread, run
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


@pytest.fixture(autouse=True)
def _bad() -> Iterator[None]:
    POISON.clear()
    POISON.add("bad")
    yield
    POISON.clear()


class Said(Event):
    word: str
    to: tuple[str, ...] = ()


class Erased(Event):
    pass


class Talk(View, key="talk_id"):
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


@pytest.fixture
def parking(reading: Reading) -> Parking:
    return Parking(reading)


@pytest.mark.parametrize("page", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "words",
    [("bad",), ("bad", "b"), ("a", "bad"), ("a", "bad", "c"), ("a", "b", "bad", "d", "bad", "f")],
    ids=["alone", "first", "last", "amid", "twice"],
)
async def test_what_fails_waits_with_all_behind_it_and_other_rows_go_on(
    reading: Reading, words: Sequence[str], page: int
) -> None:
    parking = Parking(reading, page=page)
    for number, word in enumerate(words):
        await parking.say("x", word)
        await parking.say("y", str(number))

    await parking.run()

    first = words.index("bad")
    assert await parking.words("x") == (list(words[:first]) or None)
    assert await parking.words("y") == [str(number) for number in range(len(words))]
    (found,) = (await parking.parked()).values()
    assert (found.key, found.failure.position) == (("x",), 2 * first + 1)
    assert (found.waiting, found.last) == (len(words) - first, 2 * len(words) - 1)
    assert parking.projector.status().state == "running"


async def test_several_rows_of_one_batch_are_parked_each_at_its_own_event(parking: Parking) -> None:
    for talk, words in {"x": ("a", "bad"), "y": ("bad", "b"), "z": ("a", "b")}.items():
        await parking.say(talk, *words)

    await parking.run()

    assert {key: each.failure.position for key, each in (await parking.parked()).items()} == {"x": 2, "y": 3}
    assert [await parking.words(talk) for talk in "xyz"] == [["a"], None, ["a", "b"]]


async def test_a_parked_row_says_why_where_and_by_which_code(parking: Parking) -> None:
    await parking.say("x", "a", "bad")

    await parking.run()

    failure = (await parking.parked())["x"].failure
    assert failure.cause == "Said at position 2 (version 2 of Talk-x): ValueError: 'bad' is no word"
    assert "in said" in failure.stack
    assert (failure.attempts, len(failure.code)) == (1, 32)
    assert failure.retry_at > parking.clock.now_micros()


class Sent(View, key="to"):
    to: str
    words: list[str] = []

    @evolves(keys=lambda event: event.to)
    def said(self, event: Said) -> None:
        if self.to == "deaf" and event.word in POISON:
            raise ValueError("no answer")
        self.words.append(event.word)


async def test_an_event_that_touches_several_rows_parks_only_the_one_that_fails(reading: Reading) -> None:
    parking = Parking(reading, Sent)
    for word in ("a", "bad", "c"):
        await reading.append("Talk-1", Said(word=word, to=("ann", "deaf", "bob")))

    await parking.run()

    assert list(await parking.parked()) == ["deaf"]
    assert [await parking.words(to) for to in ("ann", "deaf", "bob")] == [["a", "bad", "c"], ["a"], ["a", "bad", "c"]]


async def test_a_value_that_cannot_be_stored_parks_its_row_at_the_event_that_made_it(parking: Parking) -> None:
    await parking.say("x", "a", "un\0storable", "c")
    await parking.say("y", "a")

    await parking.run()

    found = (await parking.parked())["x"]
    assert (found.failure.position, found.waiting) == (2, 2)
    assert "is not a text" in found.failure.cause
    assert (await parking.words("x"), await parking.words("y")) == (["a"], ["a"])


async def test_a_row_that_cannot_be_read_is_parked(parking: Parking, monkeypatch: pytest.MonkeyPatch) -> None:
    await parking.say("x", "a")
    await parking.say("y", "a")
    await parking.run()
    load = parking.reading.store.load

    async def damaged(generation: Any, shard: int, keys: Sequence[Any]) -> Any:
        if ("x",) in keys:
            raise ValueError("the row is damaged")
        return await load(generation, shard, keys)

    monkeypatch.setattr(parking.reading.store, "load", damaged)
    await parking.say("x", "b")
    await parking.say("y", "b")
    await parking.run()

    assert "the row is damaged" in (await parking.parked())["x"].failure.cause
    assert await parking.words("y") == ["a", "b"]
    monkeypatch.undo()
    await parking.later()
    assert (await parking.words("x"), await parking.parked()) == (["a", "b"], {})


async def test_a_row_that_the_store_refuses_is_parked_and_those_beside_it_come_back(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    parking = Parking(reading, Sent)
    save = reading.store.save

    async def picky(generation: Any, shard: int, changes: Sequence[Any], *rest: Any) -> None:
        if any(change.key == ("deaf",) and "bad" in change.values["words"] for change in changes):
            raise RuntimeError("not with me")
        await save(generation, shard, changes, *rest)

    monkeypatch.setattr(reading.store, "save", picky)
    POISON.clear()
    for word in ("a", "bad", "c"):
        await reading.append("Talk-1", Said(word=word, to=("ann", "deaf")))
    await parking.run()
    await parking.later()

    assert list(await parking.parked()) == ["deaf"]
    assert (await parking.words("ann"), await parking.words("deaf")) == (["a", "bad", "c"], ["a"])
    monkeypatch.undo()
    await parking.later()
    assert (await parking.words("deaf"), await parking.parked()) == (["a", "bad", "c"], {})


async def test_a_failure_that_passes_parks_nothing(parking: Parking, monkeypatch: pytest.MonkeyPatch) -> None:
    await parking.say("x", "a", "b", "c")
    fails = iter([False, True])
    fold = Talk.said

    def moody(self: Talk, event: Said) -> None:
        fold(self, event)
        if next(fails, False):
            raise OSError("try again")

    monkeypatch.setattr(parking.projector.definition, "routes", parking.projector.definition.routes)
    for event, routes in parking.projector.definition.routes.items():
        if event is Said:
            monkeypatch.setitem(parking.projector.definition.routes, event, (routes[0]._replace(fold=moody),))  # type: ignore[arg-type]
    await parking.run()

    assert (await parking.words("x"), await parking.parked()) == (["a", "b", "c"], {})


async def test_an_event_that_cannot_be_decoded_stops_its_shard_and_parks_nothing(parking: Parking) -> None:
    await parking.say("x", "a", "bad", "c")
    await parking.reading.append("Talk-y", Unread(text="?"), as_type="Said")
    await parking.say("z", "never")

    await parking.run()

    status = parking.projector.status()
    assert (status.state, status.failed_at, status.position) == ("stopped", 4, 3)
    assert list(await parking.parked()) == ["x"]
    assert await parking.words("z") is None


async def test_what_waits_is_folded_in_order_once_the_fold_is_well(parking: Parking) -> None:
    await parking.say("x", "a", "bad", "c", "d")
    await parking.run()
    POISON.clear()

    await parking.later()

    assert (await parking.words("x"), await parking.parked()) == (["a", "bad", "c", "d"], {})
    await parking.say("x", "e")
    await parking.run()
    assert await parking.words("x") == ["a", "bad", "c", "d", "e"]


@pytest.mark.parametrize("page", [1, 2, 3, 7])
async def test_new_events_of_a_row_that_is_tried_again_queue_behind_and_fold_once(reading: Reading, page: int) -> None:
    parking = Parking(reading, page=page)
    await parking.say("x", "bad", *map(str, range(9)))
    await parking.run()
    POISON.clear()
    parking.clock.advance(600)

    for number in range(9, 30):
        await parking.projector.step()
        await parking.say("x", str(number))
    await parking.run()

    assert (await parking.words("x"), await parking.parked()) == (["bad", *map(str, range(30))], {})


async def test_a_retry_that_fails_later_keeps_what_it_folded_and_begins_to_count_anew(parking: Parking) -> None:
    POISON.add("worse")
    await parking.say("x", "bad", "b", "worse", "d")
    await parking.run()
    await parking.later()
    assert (await parking.parked())["x"].failure.attempts == 2
    POISON.discard("bad")

    await parking.later()

    found = (await parking.parked())["x"]
    assert (found.failure.position, found.failure.attempts, found.waiting) == (3, 1, 2)
    assert await parking.words("x") == ["bad", "b"]


async def test_retries_come_later_and_later(parking: Parking) -> None:
    await parking.say("x", "bad")
    await parking.run()
    delays = []
    for _ in range(12):
        due = (await parking.parked())["x"].failure.retry_at
        delays.append((due - parking.clock.now_micros()) / 1e6)
        await parking.later(delays[-1] + 0.001)

    assert [round(delay) for delay in delays[:3]] != [0, 0, 0]
    assert all(before * 0.99 < after * 4 for before, after in zip(delays, delays[1:], strict=False))
    assert 150 <= delays[-1] <= 300
    assert (await parking.parked())["x"].failure.attempts == 13


async def test_other_code_tries_at_once(parking: Parking) -> None:
    await parking.say("x", "a", "bad", "c")
    await parking.run()

    class Corrected(View, key="talk_id", name="Talk", fold_version=1):
        talk_id: str
        words: list[str] = []
        last: str = ""

        @evolves
        def said(self, event: Said) -> None:
            self.words.append(event.word.upper())

    table = parking.projector.definition.table
    corrected = parking.reading.projector(Corrected, keys=KEYS, parks=parking.parks)
    corrected.definition.table = corrected._table = table
    await run(corrected)

    row = await parking.reading.rows(parking.projector).get("x")
    assert (row.words, await parking.parked()) == (["a", "BAD", "C"], {})


async def test_a_row_that_is_deleted_while_it_is_parked_is_deleted_in_its_turn(parking: Parking) -> None:
    await parking.say("x", "a", "bad")
    await parking.reading.append("Talk-x", Erased())
    await parking.say("x", "d")
    await parking.run()
    assert await parking.words("x") == ["a"]
    POISON.clear()

    await parking.later()

    assert (await parking.words("x"), await parking.parked()) == (["d"], {})


async def test_a_view_with_as_many_parked_rows_as_may_be_stops_and_says_what_to_do(reading: Reading) -> None:
    parking = Parking(reading, keys=2)
    for talk in "abcd":
        await parking.say(talk, "fine", "bad")
        await parking.say("z", talk)

    await parking.run()

    status = parking.projector.status()
    assert (status.state, status.failed_at) == ("stopped", 8)
    assert "2 rows are parked already" in (status.error or "")
    assert "parked_keys" in (status.remedy or "")
    assert list(await parking.parked()) == ["a", "b"]
    assert (await parking.words("c"), await parking.words("z")) == (["fine"], ["a", "b"])
    POISON.clear()
    await parking.later()
    assert (parking.projector.status().state, await parking.words("z")) == ("running", ["a", "b", "c", "d"])
    assert await parking.parked() == {}


@pytest.mark.parametrize("page", [1, 2, 100])
async def test_a_row_for_which_as_many_events_wait_as_may_stops_the_view(reading: Reading, page: int) -> None:
    parking = Parking(reading, page=page, waiting=3)
    await parking.say("x", "bad", "b", "c")
    await parking.say("y", "a")
    await parking.say("x", "d")
    await parking.say("y", "never")

    await parking.run()

    status = parking.projector.status()
    assert (status.state, status.failed_at) == ("stopped", 5)
    assert "3 events wait for the parked row x" in (status.error or "")
    assert await parking.words("y") == ["a"]
    POISON.clear()
    await parking.later()
    assert (await parking.words("x"), await parking.words("y")) == (["bad", "b", "c", "d"], ["a", "never"])


async def test_without_leave_to_park_a_failing_event_stops_the_view(reading: Reading) -> None:
    await reading.append("Talk-x", Said(word="a"), Said(word="bad"))
    projector = reading.projector(Talk, keys=KEYS)

    await run(projector)

    assert (projector.status().state, projector.status().failed_at) == ("stopped", 2)


async def test_what_waits_far_apart_is_found_again(reading: Reading) -> None:
    parking = Parking(reading, page=50)
    for number in range(12):
        await parking.say("x", "bad" if not number else str(number))
        await reading.append("Talk-y", *[Said(word="."), Unread()] * 300)
    await parking.run()
    POISON.clear()

    await parking.later()

    assert await parking.words("x") == ["bad", *map(str, range(1, 12))]
