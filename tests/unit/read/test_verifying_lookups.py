"""Rows that are found by looking others up, compared with their events."""

from __future__ import annotations

import random

import pytest

from tests.unit.read.accounts import run
from tests.unit.read.books import Books
from tests.unit.read.reading import Reading
from tests.unit.read.timelines import Moved, Region, Timeline, history
from twofold.read import lookups
from twofold.read.view import View

VIEWS = (Timeline, Region)


@pytest.mark.parametrize("view", VIEWS)
async def test_the_verifier_finds_rows_missing_that_were_looked_up(reading: Reading, view: type[View]) -> None:
    for event in history(random.Random(5), 80):
        await reading.append("Any-1", event)
    books = Books(reading, view, homes={}, page=9, rng=random.Random(1))
    await run(books.projector)
    key = ("ada",) if view is Timeline else ("north",)

    await books.delete(key)

    (drift,) = await books.drifts()
    assert (drift.key, drift.kind) == (key, "missing")


async def test_rows_that_would_have_to_be_looked_up_among_too_many_are_not_verified(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        await reading.append("Any-1", Moved(customer=str(number), region="north"))
    books = Books(reading, Region, homes={})
    await run(books.projector)
    monkeypatch.setattr(lookups, "MOST", 5)

    assert await books.drifts() == []
    assert books.findings.why == "Region.Home has more than 5 rows, too many to be held at once"
    assert not books.findings.has_drift
