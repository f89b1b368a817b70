"""Databases with an empty log in them, and logs on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.faults.postgres.doing import TABLES, Doing
from tests.servers.fixtures import POSTGRES, Servers
from tests.servers.prepared import with_log
from twofold import Config, OpenApp
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log


@pytest.fixture
def log_url(servers: Servers) -> Iterator[str]:
    databases = servers.databases(POSTGRES)
    with databases.fresh(databases.prepared(with_log)) as url:
        yield url


@pytest.fixture
async def log(log_url: str) -> AsyncIterator[PostgresLog]:
    log = await open_postgres_log(log_url)
    yield log
    await log.close()


@pytest.fixture
def doing() -> Doing:
    return Doing()


@pytest.fixture
async def tables_url(log_url: str) -> str:
    connection = await asyncpg.connect(log_url)
    await connection.execute(TABLES)
    await connection.close()
    return log_url


@pytest.fixture
async def shop(doing: Doing, tables_url: str) -> AsyncIterator[OpenApp]:
    config = Config(pool_size=4, pool_wait=5.0, unit_of_work=5.0)
    async with doing.app.open(tables_url, views="memory://", config=config) as shop:
        yield shop
