"""Where the tests of the write side keep their log: in memory, in an SQLite file, in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.fixtures import POSTGRES
from tests.servers.prepared import with_log
from tests.unit.write.bank import OpenAccount, Place
from twofold import OpenApp

ON_POSTGRES = pytest.param(POSTGRES, marks=pytest.mark.slow)  # `make fast` has PostgreSQL in the contracts


def place_on(store: str, folder: Path, request: pytest.FixtureRequest) -> Place:
    if store == POSTGRES:
        databases = request.getfixturevalue("servers").databases()
        return Place(request.getfixturevalue("stack").enter_context(databases.fresh(databases.prepared(with_log))))
    return Place("memory://" if store == "memory" else f"sqlite:///{folder}/bank.db")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=["memory", "sqlite", ON_POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_on(request.param, tmp_path, request)


@pytest.fixture(params=["sqlite", ON_POSTGRES])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Only where several apps share a log."""
    return place_on(request.param, tmp_path, request)


@pytest.fixture
async def bank(place: Place) -> AsyncIterator[OpenApp]:
    """The bank with one account, ada, that is empty."""
    async with place.open() as opened:
        await opened.send(OpenAccount(account_id="ada"))
        yield opened
