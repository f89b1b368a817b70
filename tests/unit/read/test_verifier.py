"""The worker that verifies: its turns, its rests, and what it forgets."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.unit.read.accounts import KEYS, Opened, Page, run
from tests.unit.read.books import HOMES, Books, busy
from tests.unit.read.reading import Reading
from twofold.errors import StoreUnavailableError, UnknownNameError
from twofold.messages.folding import evolves
from twofold.read.findings import Findings
from twofold.read.verifier import FIRST, Verifier
from twofold.read.view import View
from twofold.read.view_store import Key
from twofold.read.view_verifier import Work
from twofold.runtime.claim import Claim
from twofold.testing.clock import ManualClock
from twofold.testing.faults import FailAt, NoFaults, Plan, faulty


class Owners(View, key="owner"):
    owner: str
    accounts: int = 0

    @evolves
    def opened(self, event: Opened) -> None:
        self.accounts += 1


class Slow:
    """A clock on which each piece of work takes a second."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.pieces: list[str] = []

    def around(self, books: Books) -> Books:
        inner = books.verifier.round

        async def slow_round(findings: Findings, most: int | None = None) -> Work:
            async for events in inner(findings, most):
                self.clock.advance(1)
                self.pieces.append(findings.view)
                yield events

        books.verifier.round = slow_round  # type: ignore[method-assign]
        return books


async def accounts(reading: Reading, clock: Slow, *views: type[View]) -> list[Books]:
    await busy(reading)
    found = [clock.around(Books(reading, view)) for view in views]
    for books in found:
        await run(books.projector)
    return found


async def steps(verifier: Verifier, clock: Slow, seconds: int) -> None:
    for _ in range(seconds):
        await verifier.step()
        clock.clock.advance(1)


async def test_every_view_is_looked_at_by_turns(reading: Reading) -> None:
    slow = Slow()
    books = await accounts(reading, slow, Page, Owners)
    verifier = Verifier([each.verifier for each in books], slow.clock, share=1.0, every=1000)

    await steps(verifier, slow, 300)

    assert [verifier.found(name).rounds for name in ("Page", "Owners")] == [1, 1]
    assert verifier.drifted() == {"Page": 0, "Owners": 0}


async def test_it_begins_a_while_after_the_start(reading: Reading) -> None:
    slow = Slow()
    books = await accounts(reading, slow, Page)
    verifier = Verifier([each.verifier for each in books], slow.clock, share=1.0)

    await steps(verifier, slow, int(FIRST))
    assert slow.pieces == []

    await steps(verifier, slow, 1)
    assert len(slow.pieces) == 1


async def test_it_works_no_more_than_its_share_of_the_time(reading: Reading) -> None:
    slow = Slow()
    books = await accounts(reading, slow, Page)
    verifier = Verifier([each.verifier for each in books], slow.clock, share=0.1, every=1)
    await steps(verifier, slow, 6)

    slow.pieces.clear()
    began = slow.clock.monotonic()
    await steps(verifier, slow, 1000)

    assert len(slow.pieces) <= (slow.clock.monotonic() - began) * 0.1 + 1
    assert len(slow.pieces) >= 50


async def test_a_round_does_not_begin_before_its_time(reading: Reading) -> None:
    slow = Slow()
    books = await accounts(reading, slow, Page)
    verifier = Verifier([each.verifier for each in books], slow.clock, share=1.0, every=500)

    await steps(verifier, slow, 400)
    assert verifier.found("Page").rounds == 1

    await steps(verifier, slow, 200)
    assert verifier.found("Page").rounds == 2


async def test_resting_waits_no_longer_than_asked_nor_than_it_has_to(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    slow = Slow()
    verifier = Verifier([], slow.clock, share=1.0)
    await verifier.step()
    monkeypatch.setattr("twofold.read.verifier.asyncio.sleep", sleep)

    assert not await verifier.rest(2.0)
    assert not await verifier.rest(100.0)
    slow.clock.advance(10)
    assert not await verifier.rest(100.0)

    assert slept == [2.0, FIRST, 0.0]


async def test_without_the_lease_it_rests_as_long_as_it_may(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would spin otherwise: there is no time for its next piece, or that is over."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    slow = Slow()
    claim = Claim("verifier", slow.clock)
    verifier = Verifier([], slow.clock, claim=claim, share=1.0)
    monkeypatch.setattr("twofold.read.verifier.asyncio.sleep", sleep)

    await verifier.step()
    await verifier.rest(2.0)
    claim.hold(1, slow.clock.monotonic() + 1000)
    await verifier.rest(3.0)
    await verifier.step()
    claim.end()
    slow.clock.advance(1000)
    await verifier.step()
    await verifier.rest(4.0)

    assert slept == [2.0, 3.0, 4.0]


async def test_drift_is_counted_and_what_is_put_right_is_not(reading: Reading) -> None:
    slow = Slow()
    (books,) = await accounts(reading, slow, Page)
    await books.edit(("3",), owner="eve")
    verifier = Verifier([books.verifier], slow.clock, share=1.0, every=1)

    await steps(verifier, slow, 100)
    assert verifier.drifted() == {"Page": 1}
    assert [drift.key for drift in verifier.found("Page").drifts.values()] == [("3",)]

    await books.edit(("3",), owner="3")
    await steps(verifier, slow, 100)
    assert verifier.drifted() == {"Page": 0}


async def test_who_loses_the_lease_forgets_what_it_found(reading: Reading) -> None:
    slow = Slow()
    (books,) = await accounts(reading, slow, Page)
    await books.edit(("3",), owner="eve")
    claim = Claim("verifier", slow.clock)
    verifier = Verifier([books.verifier], slow.clock, claim=claim, share=1.0, every=1)
    await steps(verifier, slow, 100)
    assert (verifier.drifted(), slow.pieces) == ({}, [])

    claim.hold(1, slow.clock.monotonic() + 1000)
    await steps(verifier, slow, 100)
    assert verifier.drifted() == {"Page": 1}

    claim.end()
    await steps(verifier, slow, 1)
    assert verifier.drifted() == {}


async def test_a_store_that_does_not_answer_ends_the_round_and_the_next_view_has_its_turn(reading: Reading) -> None:
    slow = Slow()
    books = await accounts(reading, slow, Page, Owners)
    verifier = Verifier([each.verifier for each in books], slow.clock, share=1.0, every=1)

    async def broken(findings: Findings, most: int | None = None) -> Work:
        for error in (StoreUnavailableError("gone"),):
            raise error
        yield 0

    books[0].verifier.round = broken  # type: ignore[method-assign]
    failures = 0
    for _ in range(100):
        try:
            await steps(verifier, slow, 1)
        except StoreUnavailableError:
            failures += 1

    assert failures > 1
    assert verifier.found("Owners").rounds >= 1


async def test_verifying_at_once_needs_no_lease_and_no_rest(reading: Reading) -> None:
    slow = Slow()
    (books,) = await accounts(reading, slow, Page)
    verifier = Verifier([books.verifier], slow.clock, claim=Claim("verifier", slow.clock))
    told: list[int] = []

    findings = await verifier.verify("Page", told=lambda found: told.append(found.compared))

    assert findings.compared == 5
    assert told == sorted(told)
    assert verifier.drifted() == {}


async def test_an_unknown_view_is_said_to_be_unknown() -> None:
    verifier = Verifier([], ManualClock())

    with pytest.raises(UnknownNameError):
        await verifier.verify("Pge")
    with pytest.raises(UnknownNameError):
        verifier.found("Pge")


@pytest.mark.parametrize("homes", [HOMES, {}], ids=["by stream", "by log"])
async def test_whichever_call_fails_nothing_is_called_drift_and_the_next_round_is_right(homes: Any) -> None:
    counted = NoFaults()

    async def found(plan: Plan) -> tuple[set[Key], int, set[Key]]:
        """What drifts after a round in which a call may fail, with how many calls that took; and after the next one."""
        reading = Reading()
        await busy(reading)
        await run(reading.projector(Page, keys=KEYS))
        store, log = faulty(reading.store, plan), faulty(reading.source, plan)
        books = Books(reading, homes=homes, page=3, keys=2, store=store, log=log)
        await books.edit(("3",), owner="eve")
        await books.delete(("2",))
        with suppress(StoreUnavailableError):
            await books.drifts()
        first, calls = set(books.findings.drifts), len(counted.calls)
        await books.drifts()
        return first, calls, set(books.findings.drifts)

    wrong = {("2",), ("3",)}
    first, calls, second = await found(counted)
    assert first == second == wrong
    assert {"checkpoint", "load", "parked_keys", "find"} <= set(counted.calls)
    for number in range(1, calls + 1):
        first, _, second = await found(FailAt(number))
        assert first <= wrong, number
        assert second == wrong, number
