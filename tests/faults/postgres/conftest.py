"""Databases with an empty log in them, and logs on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.servers.fixtures import POSTGRES, Servers
from tests.servers.prepared import with_log
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
