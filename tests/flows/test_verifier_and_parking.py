"""Rows that are parked, tried again and let go, while they are compared with their events.

`TWOFOLD_SEED` repeats a run, `TWOFOLD_EXAMPLES` makes it longer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.office import CONFIG, OFFICE, UNREADABLE, File, file, later, parked
from tests.flows.test_verifier import COMMANDS, SEED, verified, verifiers
from twofold import Config, OpenApp
from twofold.read.drift import Drift
from twofold.read.findings import Findings
from twofold.testing.clock import ManualClock


@pytest.fixture(autouse=True)
def _readable() -> Iterator[None]:
    UNREADABLE.clear()
    yield
    UNREADABLE.clear()


async def filing(office: OpenApp, rng: random.Random) -> None:
    """Letters, of which some cannot be read until later, and the first one not at all."""
    UNREADABLE.add("0")
    for number in range(COMMANDS):
        if rng.random() < 0.1:
            UNREADABLE.add(str(number))
        copies = tuple(rng.sample(["ada", "bob", "eve"], rng.randrange(3)))
        await office.send(File(desk=rng.choice("abcdef"), text=str(number), copies=copies))
        later_read = sorted(UNREADABLE - {"0"})
        if later_read and rng.random() < 0.15:
            UNREADABLE.discard(rng.choice(later_read))


async def drifts_while_filing(office: OpenApp) -> tuple[list[Drift], int]:
    """What is found while letters are filed, and how many rows were found parked."""
    rng = random.Random(SEED)
    views = verifiers(office, rng=rng)
    found: list[Drift] = []
    left_out, is_over = 0, False
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(filing(office, rng))
        while not is_over:
            is_over = sending.done()
            for view in views:
                findings = Findings(view.definition.name)
                async for _ in view.round(findings):
                    pass
                found += findings.drifts.values()
                left_out += findings.parked
            await asyncio.sleep(0)
    return found, left_out


async def test_rows_that_are_parked_and_come_back_raise_no_alarm(url: str) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    async with OFFICE.open(url, config=Config(page_events=7, parked_retry=0.02)) as office:
        found, left_out = await drifts_while_filing(office)

        assert found == []
        assert left_out > 0


async def test_a_planted_verifier_that_compares_parked_rows_too_cries_wolf(monkeypatch: pytest.MonkeyPatch) -> None:
    async with OFFICE.open("memory://", config=CONFIG, workers=False) as office:
        UNREADABLE.add("?")
        await file(office, "a", "1", "?", "3")
        await office.run_until_idle()
        UNREADABLE.clear()
        assert set(await parked(office)) == {"a"}
        assert (await verified(verifiers(office)))[0] == []

        async def nothing(*_: Any) -> list[Any]:
            return []

        monkeypatch.setattr(type(office.reads._model.store), "parked_keys", nothing)
        drifts, _ = await verified(verifiers(office))
        assert [(drift.view, drift.key, drift.kind) for drift in drifts] == [("Pile", ("a",), "differs")]


async def test_a_row_that_goes_on_without_an_event_is_not_what_its_events_fold_to(url: str) -> None:
    clock = ManualClock()
    async with OFFICE.open(url, config=CONFIG, workers=False, clock=clock) as office:
        UNREADABLE.add("?")
        await file(office, "a", "1", "?", "3")
        await office.run_until_idle()
        (letter,) = await office.dead_letters.all("Pile")
        await office.dead_letters.discard(letter, by="a test", wait=0)
        await later(office, clock)

        drifts, _ = await verified(verifiers(office))
        assert [(drift.key, drift.kind, drift.why) for drift in drifts] == [
            (("a",), "unfoldable", "ValueError: '?' cannot be read")
        ]
