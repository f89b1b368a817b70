"""Parked rows are tried again and let go when somebody asks for it, in any process, by the one that folds them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from tests.flows.office import CONFIG, OFFICE, UNREADABLE, Pile, file, later, parked, texts
from twofold import OpenApp
from twofold.read.dead_letters import Settled
from twofold.testing.clock import ManualClock

LONG = 1e6
"""Seconds by the clock of the tests, which runs ahead while whoever asks has to sleep."""


@pytest.fixture(autouse=True)
def _unreadable() -> Iterator[None]:
    UNREADABLE.clear()
    UNREADABLE.add("?")
    yield
    UNREADABLE.clear()


async def settled(office: OpenApp, clock: ManualClock, asking: Awaitable[Any]) -> Any:
    """The outcome of *asking*, while *office* folds."""
    task = asyncio.ensure_future(asking)
    while not task.done():
        await office.step()
        clock.advance(0.01)
        await asyncio.sleep(0)
    return await task


async def test_who_corrected_the_fold_may_have_a_row_tried_at_once(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        await file(office, "a", "1", "?", "3")
        await file(office, "b", "?")
        await office.run_until_idle()
        letters = office.dead_letters
        (still,) = await settled(office, clock, letters.retry([await letters.one("Pile", "a")], wait=LONG))
        UNREADABLE.clear()
        UNREADABLE.add("b:?")
        (gone,) = await settled(office, clock, letters.retry([await letters.one("Pile", "a")], wait=LONG))

        assert (still.settled, gone.settled) == (Settled.STILL_PARKED, Settled.LET_GO)
        assert list(await parked(office)) == ["b"]
        UNREADABLE.clear()
        await settled(office, clock, letters.retry(await letters.all("Pile"), wait=LONG))
        assert await parked(office) == {}
        assert [await texts(office, desk) for desk in "ab"] == [["1", "?", "3"], ["?"]]


async def test_a_letter_may_be_discarded_and_what_came_after_it_is_folded(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        token = await file(office, "a", "1", "?", "3", "?", "5")
        await office.run_until_idle()
        letters = office.dead_letters
        for wanted in (Settled.STILL_PARKED, Settled.LET_GO):
            letter = await letters.one("Pile", "a")
            outcome = await settled(office, clock, letters.discard(letter, by="eve", why="it is a stain", wait=LONG))
            assert outcome.settled is wanted

        assert await texts(office, "a") == ["1", "3", "5"]
        assert (await office.get(Pile, "a", after=token, wait=0)).letters == 3
    said = [record.getMessage() for record in caplog.records if "goes on without" in record.getMessage()]
    assert len(said) == 2
    assert "position 2" in said[0]
    assert "discarded by eve: it is a stain" in said[0]


async def test_all_that_waits_may_be_discarded(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        await file(office, "a", "1", "?", "3", "4")
        await office.run_until_idle()
        letters = office.dead_letters
        outcome = await settled(
            office, clock, letters.discard(await letters.one("Pile", "a"), every=True, by="eve", wait=LONG)
        )
        await file(office, "a", "5")
        await office.run_until_idle()

        assert outcome.settled is Settled.LET_GO
        assert await texts(office, "a") == ["1", "5"]


async def test_what_one_has_seen_is_discarded_and_nothing_that_failed_since(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        await file(office, "a", "?", "2", "?", "4")
        await office.run_until_idle()
        letters = office.dead_letters
        seen = await letters.one("Pile", "a")
        await settled(office, clock, letters.discard(seen, by="eve", wait=LONG))
        again = await settled(office, clock, letters.discard(seen, by="bob", wait=LONG))

        assert again.settled is Settled.STILL_PARKED
        assert (await parked(office))["a"].failure.position == 3
        assert await texts(office, "a") == ["2"]


async def test_what_nobody_folds_is_done_once_somebody_does(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        await file(office, "a", "?", "2")
        await office.run_until_idle()
        letters = office.dead_letters
        outcome = await letters.discard(await letters.one("Pile", "a"), by="eve", wait=0)

        assert outcome.settled is Settled.ASKED
        assert (await letters.one("Pile", "a")).asked == "discard"
        await later(office, clock, 1.0)
        assert (await texts(office, "a"), await parked(office)) == (["2"], {})


async def test_another_process_may_ask_and_nobody_loses_the_lease(lasting_url: str) -> None:
    clock = ManualClock()
    async with (
        OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as folding,
        OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as asking,
    ):
        await file(asking, "a", "1", "?", "3")
        await file(asking, "b", "?", "2")
        await folding.run_until_idle()
        UNREADABLE.clear()
        UNREADABLE.add("b:?")
        letters = asking.dead_letters

        async def busy() -> None:
            for number in range(20):
                await file(asking, "c", str(number))

        retried = asyncio.gather(letters.retry([await letters.one("Pile", "a")], wait=LONG), busy())
        ((outcome,), _) = await settled(folding, clock, retried)
        discarded = await settled(folding, clock, letters.discard(await letters.one("Pile", "b"), by="eve", wait=LONG))
        await folding.run_until_idle()

        assert (outcome.settled, discarded.settled) == (Settled.LET_GO, Settled.LET_GO)
        assert folding.projectors["Pile"].status().state == "running"
        assert asking.projectors["Pile"].status().state != "running"
        assert await texts(folding, "a") == ["1", "?", "3"]
        assert await texts(folding, "b") == ["2"]
        assert len(await texts(folding, "c") or ()) == 20
