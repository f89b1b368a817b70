"""An event that fails parks the row that it fails on; its later events wait behind it, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.unit.read.accounts import Unread, run
from tests.unit.read.reading import Reading
from tests.unit.read.talks import KEYS, POISON, Parking, Said, Talk
from twofold.messages.folding import evolves
from twofold.read.view import View


@pytest.fixture(autouse=True)
def _bad() -> Iterator[None]:
    POISON.clear()
    POISON.add("bad")
    yield
    POISON.clear()


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
            monkeypatch.setitem(parking.projector.definition.routes, event, (routes[0]._replace(fold=moody),))
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


async def test_a_view_that_may_have_no_parked_row_stops_at_the_first_that_fails(reading: Reading) -> None:
    parking = Parking(reading, keys=0)
    await parking.say("x", "a", "bad")
    await parking.say("y", "a")

    await parking.run()

    assert (parking.projector.status().state, parking.projector.status().failed_at) == ("stopped", 2)
    assert (await parking.words("x"), await parking.words("y"), await parking.parked()) == (["a"], None, {})
