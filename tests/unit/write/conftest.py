"""Where the tests of the write side keep their log: in memory, and in an SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.write.bank import OpenAccount, Place
from twofold import OpenApp


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(None if request.param == "memory" else tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Place:
    """Only where several apps share a log."""
    return Place(tmp_path)


@pytest.fixture
async def bank(place: Place) -> AsyncIterator[OpenApp]:
    """The bank with one account, ada, that is empty."""
    async with place.open() as opened:
        await opened.send(OpenAccount(account_id="ada"))
        yield opened
