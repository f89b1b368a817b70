"""A parked row is tried again: in order, exactly once, whatever happens meanwhile, later and later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from tests.unit.read.accounts import Unread, run
from tests.unit.read.reading import Reading
from tests.unit.read.talks import KEYS, POISON, Erased, Parking, Said
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.errors import StoreUnavailableError
from twofold.messages.folding import evolves
from twofold.read.view import View
from twofold.testing.faults import CrashAfter, CrashError, FailAt, LoseAnswerAt, NoFaults, Plan, faulty


@pytest.fixture(autouse=True)
def _bad() -> Iterator[None]:
    POISON.clear()
    POISON.add("bad")
    yield
    POISON.clear()


@pytest.fixture
def parking(reading: Reading) -> Parking:
    return Parking(reading)


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
    assert all(before * 0.99 < after * 4 for before, after in pairwise(delays))
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


async def test_what_waits_far_apart_is_found_again(reading: Reading) -> None:
    parking = Parking(reading, page=50)
    for number in range(12):
        await parking.say("x", "bad" if not number else str(number))
        await reading.append("Talk-y", *[Said(word="."), Unread()] * 300)
    await parking.run()
    POISON.clear()

    await parking.later()

    assert await parking.words("x") == ["bad", *map(str, range(1, 12))]


class Life:
    """What happens to a view from its first event on, through whatever *plan* does to its store."""

    def __init__(self, plan: Plan) -> None:
        self.store = MemoryViewStore()
        self.reading = Reading()
        self.reading.store = faulty(self.store, plan)
        self.parking = Parking(self.reading, page=3)

    async def live(self) -> None:
        """It fails, waits, fails again, is corrected, and goes on."""
        POISON.update(("bad", "worse"))
        await self.parking.say("x", "a", "bad", "c")
        await self.parking.say("y", "a")
        await self.fold()
        await self.parking.say("x", "d", "worse", "f", "g")
        await self.later()
        POISON.discard("bad")
        await self.later()
        POISON.clear()
        await self.parking.say("x", "h")
        await self.later()
        await self.later()
        self.reading.store = self.store

    async def later(self) -> None:
        self.parking.clock.advance(600.0)
        await self.fold()

    async def fold(self) -> None:
        """Until nothing is to be done; a process that dies is followed by another one, whose store is well."""
        while True:
            try:
                await run(self.parking.projector)
            except StoreUnavailableError:
                continue
            except CrashError:
                self.reading.store = self.store
                clock, self.parking = self.parking.clock, Parking(self.reading, page=3)
                self.parking.clock.advance(clock.monotonic())
                continue
            return


@pytest.mark.parametrize("fault", [FailAt, LoseAnswerAt, CrashAfter])
async def test_whichever_call_of_the_store_fails_nothing_is_lost_and_nothing_is_folded_twice(
    fault: Callable[[int], Plan],
) -> None:
    counted = NoFaults()
    await Life(counted).live()
    assert counted.calls.count("save") > 6

    for n in range(1, len(counted.calls) + 1):
        life = Life(fault(n))
        await life.live()

        assert await life.parking.words("x") == ["a", "bad", "c", "d", "worse", "f", "g", "h"], n
        assert (await life.parking.words("y"), await life.parking.parked()) == (["a"], {}), n
