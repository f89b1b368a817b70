"""A row that fails is parked with its events, alone; it is not called fresh; and it comes back whole, in order."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.flows.office import (
    CONFIG,
    OFFICE,
    UNREADABLE,
    Busiest,
    Copied,
    Desk,
    File,
    Filed,
    Pile,
    file,
    folded,
    later,
    parked,
    texts,
)
from twofold import App, Config, NotFreshError, OpenApp, View, evolves
from twofold.read.batch import Folder
from twofold.read.mending import Mender
from twofold.read.plan import Folded
from twofold.read.progress import Progress
from twofold.testing.clock import ManualClock


@pytest.fixture(autouse=True)
def _unreadable() -> Iterator[None]:
    UNREADABLE.clear()
    UNREADABLE.add("?")
    yield
    UNREADABLE.clear()


# --- parked -------------------------------------------------------------------------------


async def goes_on_without_the_row_that_failed(url: str) -> bool:
    async with OFFICE.open(url, config=CONFIG, workers=False) as office:
        await file(office, "a", "1", "?", "3")
        await file(office, "b", "1")
        await office.run_until_idle()
        found = await parked(office)
        rows = [await texts(office, desk) for desk in "ab"]
    return rows == [["1"], ["1"]] and {key: each.waiting for key, each in found.items()} == {"a": 2}


async def test_everything_goes_on_but_the_row_that_failed(url: str) -> None:
    assert await goes_on_without_the_row_that_failed(url)


async def test_planted_skipping_of_what_fails_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fold = Folder.fold

    async def skipping(*args: Any, **keywords: Any) -> Folded:
        return (await fold(*args, **keywords))._replace(failed=[], queued={})

    monkeypatch.setattr(Folder, "fold", skipping)

    assert not await goes_on_without_the_row_that_failed("memory://")


@pytest.mark.parametrize("page", [2, 100])
@pytest.mark.parametrize("letters", ["?", "?2", "1?", "1?3", "1?3?5"], ids=["alone", "first", "last", "amid", "twice"])
async def test_wherever_in_a_batch_it_fails_the_row_stays_as_it_was_before(url: str, letters: str, page: int) -> None:
    async with OFFICE.open(url, config=Config(page_events=page), workers=False) as office:
        for number, letter in enumerate(letters):
            await file(office, "a", letter)
            await file(office, "b", str(number))
        await office.run_until_idle()

        assert await texts(office, "a") == (list(letters[: letters.index("?")]) or None)
        assert await texts(office, "b") == [str(number) for number in range(len(letters))]
        found = await parked(office)
        assert {key: each.waiting for key, each in found.items()} == {"a": len(letters) - letters.index("?")}
        assert found["a"].failure.position == 2 * letters.index("?") + 1


async def test_several_rows_of_a_batch_fail_each_for_itself(url: str) -> None:
    async with OFFICE.open(url, config=CONFIG, workers=False) as office:
        for desk, letters in {"a": "1?", "b": "?2", "c": "12"}.items():
            await file(office, desk, *letters)
        await office.run_until_idle()

        assert {key: each.failure.position for key, each in (await parked(office)).items()} == {"a": 2, "b": 3}
        assert [await texts(office, desk) for desk in "abc"] == [["1"], None, ["1", "2"]]


async def test_a_letter_to_several_fails_for_one_of_them_only(url: str) -> None:
    UNREADABLE.add("deaf:hello")
    async with OFFICE.open(url, config=CONFIG, workers=False) as office:
        await file(office, "a", "1", "hello", "3", copies=("ann", "deaf", "bob"))
        await office.run_until_idle()

        assert list(await parked(office, "Copied")) == ["deaf"]
        rows = [await texts(office, to, Copied) for to in ("ann", "deaf", "bob")]
        assert rows == [["1", "hello", "3"], ["1"], ["1", "hello", "3"]]
        assert await parked(office) == {}


# --- fresh --------------------------------------------------------------------------------


async def is_called_fresh(office: OpenApp, desk: str, token: str) -> bool:
    try:
        await office.get(Pile, desk, after=token, wait=0)
    except NotFreshError:
        return False
    return True


async def calls_fresh_what_is(url: str) -> bool:
    async with OFFICE.open(url, config=CONFIG, workers=False) as office:
        before = await file(office, "a", "1")
        poison = await file(office, "a", "?")
        other = await file(office, "b", "1")
        await office.run_until_idle()
        of_the_row = [await is_called_fresh(office, "a", token) for token in (before, poison, other)]
        of_another = [await is_called_fresh(office, "b", token) for token in (before, poison, other)]
    return (of_the_row, of_another) == ([True, False, False], [True, True, True])


async def test_a_parked_row_is_not_fresh_and_every_other_row_is(url: str) -> None:
    assert await calls_fresh_what_is(url)


async def test_planted_freshness_that_looks_at_the_checkpoint_only_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Progress, "parked_since", lambda *_: None)

    assert not await calls_fresh_what_is("memory://")


async def test_questions_over_a_view_with_parked_rows_are_not_fresh_either(url: str) -> None:
    async with OFFICE.open(url, config=CONFIG, workers=False) as office:
        before = await file(office, "b", "1")
        await file(office, "a", "?")
        token = await file(office, "b", "2")
        await office.run_until_idle()

        assert len(await office.find(Pile, after=before, wait=0)) == 1
        with pytest.raises(NotFreshError, match="parked since position 2"):
            await office.find(Pile, after=token, wait=0)
        with pytest.raises(NotFreshError, match="twofold dlq"):
            await office.ask(Busiest(), after=token, wait=0)
        assert len(await office.ask(Busiest(), after=token, wait=0, stale_ok=True)) == 1
        assert await office.find(Copied, after=token, wait=0) == []


async def test_an_answer_with_a_parked_row_is_as_of_before_it_failed(url: str) -> None:
    async with OFFICE.open(url, config=CONFIG, workers=False) as office:
        before = await file(office, "a", "1")
        await file(office, "a", "?")
        token = await file(office, "b", "1")
        await office.run_until_idle()

        assert (await office.reads.get(Pile, "a")).token == before
        assert (await office.reads.get(Pile, "b")).token == token
        assert (await office.reads.answer(Busiest())).token == before
        stale = await office.get(Pile, "a", after=token, wait=0, stale_ok=True)
        assert stale.texts == ["1"]


async def test_a_command_that_waits_for_a_view_waits_for_its_own_rows_only(url: str) -> None:
    async with OFFICE.open(url, config=CONFIG) as office:
        await office.send(File(desk="a", text="1"), wait_for=[Pile], wait=20)
        with pytest.raises(NotFreshError, match="parked since position 2"):
            await office.send(File(desk="a", text="?"), wait_for=[Pile], wait=20)
        await office.send(File(desk="b", text="1"), wait_for=[Pile], wait=20)
        with pytest.raises(NotFreshError, match="parked since position 2"):
            await office.send(File(desk="a", text="3"), wait_for=[Pile], wait=20)

        assert (await texts(office, "b"), await texts(office, "a")) == (["1"], ["1"])


async def test_once_it_is_let_go_a_row_is_fresh_again(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        token = await file(office, "a", "1", "?", "3")
        await office.run_until_idle()
        UNREADABLE.clear()
        await later(office, clock)

        assert (await office.get(Pile, "a", after=token, wait=0)).texts == ["1", "?", "3"]
        assert (await office.reads.answer(Busiest())).token == token


async def test_a_process_that_does_not_fold_knows_what_is_parked(lasting_url: str) -> None:
    clock = ManualClock()
    async with (
        OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as folding,
        OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as asking,
    ):
        await folding.step()
        poison = await file(asking, "a", "1", "?")
        token = await file(asking, "b", "1")
        await folding.run_until_idle()

        assert [await is_called_fresh(asking, "a", each) for each in (poison, token)] == [False, False]
        assert await is_called_fresh(asking, "b", token)
        UNREADABLE.clear()
        await later(folding, clock)
        assert await is_called_fresh(asking, "a", token)


# --- tried again --------------------------------------------------------------------------


async def comes_back_in_order(url: str, page: int) -> bool:
    clock = ManualClock()
    async with OFFICE.open(url, config=Config(page_events=page), workers=False, clock=clock) as office:
        letters = ["?", *map(str, range(8))]
        await file(office, "a", *letters)
        await office.run_until_idle()
        UNREADABLE.clear()
        clock.advance(400)
        for number in range(8, 16):
            await office.step()
            letters += [str(number)]
            await file(office, "a", str(number))
        await office.run_until_idle()
        return (await texts(office, "a"), await parked(office)) == (letters, {})


@pytest.mark.parametrize("page", [1, 5, 100])
async def test_a_row_comes_back_in_order_while_new_events_of_it_arrive(url: str, page: int) -> None:
    assert await comes_back_in_order(url, page)


async def test_planted_folding_out_of_order_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    events = Mender._events

    async def reversed_events(self: Mender, positions: Sequence[int]) -> Any:
        found, done = await events(self, positions)
        return [*found[1:], *found[:1]], done

    monkeypatch.setattr(Mender, "_events", reversed_events)

    assert not await comes_back_in_order("memory://", 5)


async def test_a_row_is_tried_again_by_itself_later_and_later(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        await file(office, "a", "?")
        await office.run_until_idle()
        attempts = []
        for _ in range(5):
            attempts.append((await parked(office))["a"].failure.attempts)
            await later(office, clock, 3.0)
        await later(office, clock)

        assert attempts[0] == 1
        assert attempts == sorted(attempts)
        assert attempts[-1] < 5, "not at every step"
        assert (await parked(office))["a"].failure.attempts > attempts[-1]
        failed = office.projectors["Pile"].status().failed
        assert failed == (await parked(office))["a"].failure.attempts


# --- corrected, or built anew -------------------------------------------------------------


class Lenient(View, key="desk", name="Pile"):
    """The corrected fold."""

    desk: str
    texts: list[str] = []
    letters: int = 0

    @evolves
    def filed(self, event: Filed) -> None:
        self.letters += 1
        self.texts.append(event.text)


class Strict(View, key="desk", name="Pile"):
    """Other code with the same fault."""

    desk: str
    texts: list[str] = []
    letters: int = 0

    @evolves
    def filed(self, event: Filed) -> None:
        if event.text == "?":
            raise ValueError("it still cannot be read")
        self.texts.append(event.text)


async def test_a_corrected_fold_builds_the_view_anew_and_nothing_is_parked_there(lasting_url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        token = await file(office, "a", "1", "?", "3")
        await office.run_until_idle()
        assert list(await parked(office)) == ["a"]

    corrected = App("office", aggregates=[Desk], views=[Lenient])
    async with corrected.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        for _ in range(5):
            await later(office, clock, 1.0)

        assert (await office.get(Lenient, "a", after=token, wait=0)).texts == ["1", "?", "3"]
        assert await parked(office) == {}


async def test_a_rebuild_that_meets_a_failing_event_stops_and_says_so_and_the_rows_that_answer_stay(
    lasting_url: str,
) -> None:
    clock = ManualClock()
    async with OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        await file(office, "a", "1", "?", "3")
        token = await file(office, "b", "1")
        await office.run_until_idle()

    other = App("office", aggregates=[Desk], views=[Strict])
    async with other.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        for _ in range(5):
            await later(office, clock, 1.0)
        status = office.projectors["Pile"].status()

        assert (status.state, status.failed_at) == ("stopped", 2)
        assert "it still cannot be read" in (status.error or "")
        assert (await office.get(Strict, "b", after=token, wait=0)).texts == ["1"]
        with pytest.raises(NotFreshError, match="parked since position 2"):
            await office.get(Strict, "a", after=token, wait=0)
        assert list(await parked(office)) == ["a"], "of the rows that answer"


# --- any history --------------------------------------------------------------------------


@pytest.fixture
def seed() -> int:
    found = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={found}")
    return found


async def test_any_history_with_poison_ends_as_if_the_fold_had_been_well_from_the_beginning(
    lasting_url: str, seed: int
) -> None:
    rng, clock, history = random.Random(seed), ManualClock(), list[tuple[str, str]]()
    copied: list[tuple[str, str]] = []
    UNREADABLE.update(str(number) for number in range(0, 60, 7))

    async def write(office: OpenApp) -> None:
        desk, text, to_all = rng.choice("abcd"), str(len(history)), rng.sample("wxyz", rng.randrange(3))
        await file(office, desk, text, copies=tuple(to_all))
        history.append((desk, text))
        copied.extend((to, text) for to in to_all)

    async def act(office: OpenApp) -> None:
        for _ in range(rng.randrange(12)):
            await rng.choice((write, write, OpenApp.step))(office)
            clock.advance(rng.random() * 2)
        if UNREADABLE and rng.random() < 0.5:
            UNREADABLE.remove(rng.choice(sorted(UNREADABLE)))

    for _ in range(8):
        config = Config(page_events=rng.choice([1, 2, 3, 50]))
        async with (
            OFFICE.open(lasting_url, config=config, workers=False, clock=clock) as office,
            OFFICE.open(lasting_url, config=config, workers=False, clock=clock) as other,
        ):
            for _ in range(3):
                await act(rng.choice([office, other]))
    UNREADABLE.clear()
    async with OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        await office.run_until_idle()
        await later(office, clock)

        assert await parked(office) == {}
        assert await parked(office, "Copied") == {}
        assert {pile.desk: pile.texts for pile in await office.find(Pile)} == folded(history)
        assert {copy.to: copy.texts for copy in await office.find(Copied)} == folded(copied)
