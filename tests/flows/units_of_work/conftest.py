"""Warehouses of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.flows.stock import (
    TABLE,
    Receive,
    Stock,
    Warehouse,
    on_postgres,
    on_postgres_by_sqlalchemy,
    on_sqlite,
)
from tests.flows.units_of_work.looking import POSTGRES, SQLALCHEMY, SQLITE
from tests.servers.fixtures import Servers
from tests.servers.prepared import with_log
from twofold import Config, OpenApp


@contextmanager
def warehouse_on(kind: str, folder: Path, servers: Servers) -> Iterator[Warehouse]:
    """Somewhere on a store of that kind, with an empty log."""
    if kind == SQLITE:
        yield on_sqlite(folder)
        return
    databases = servers.databases()
    with databases.fresh(databases.prepared(with_log)) as url:
        yield on_postgres(url) if kind == POSTGRES else on_postgres_by_sqlalchemy(url)


@pytest.fixture(params=[SQLITE, POSTGRES, SQLALCHEMY])
async def warehouse(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> AsyncIterator[Warehouse]:
    with warehouse_on(request.param, tmp_path, servers) as warehouse:
        await (await warehouse.log()).close()
        await warehouse.ask(TABLE)
        yield warehouse


@pytest.fixture
def stock(warehouse: Warehouse) -> Stock:
    return Stock(warehouse.run)


@pytest.fixture
async def shop(warehouse: Warehouse, stock: Stock) -> AsyncIterator[OpenApp]:
    async with warehouse.open(stock.app, config=Config(unit_of_work=5.0)) as opened:
        await opened.send(Receive(item="tea", amount=10))
        yield opened
