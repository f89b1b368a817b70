"""Every view store with a client to hand out keeps the contract of that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from tests.contracts.test_view_store import database
from tests.servers.databases import ask
from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES, Servers
from twofold.adapters.postgres.view_store import PostgresViewStore, open_postgres_views
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.testing.contracts.client_reads import ClientReadsContract
from twofold.testing.contracts.client_transactions import ClientBackend, ClientTransactionsContract

CREATE = "CREATE TABLE notes (note text)"
NOTES = "SELECT note FROM notes ORDER BY note"


@dataclass
class SqliteBackend:
    store: SqliteViewStore
    path: str
    error: type[Exception] = apsw.SQLError
    refusal: type[Exception] = apsw.ReadOnlyError

    async def write(self, client: Any, note: str) -> None:
        client.execute("INSERT INTO notes VALUES (?)", (note,))

    async def blunder(self, client: Any) -> None:
        client.execute("SELECT nonsense")

    async def seen_by(self, client: Any) -> list[str]:
        return [note for (note,) in client.execute(NOTES)]

    async def notes(self) -> list[str]:
        connection = apsw.Connection(self.path)
        found = [note for (note,) in connection.execute(NOTES)]
        connection.close()
        return found


@dataclass
class PostgresBackend:
    store: PostgresViewStore
    url: str
    error: type[Exception] = asyncpg.UndefinedColumnError
    refusal: type[Exception] = asyncpg.ReadOnlySQLTransactionError

    async def write(self, client: Any, note: str) -> None:
        await client.execute("INSERT INTO notes VALUES ($1)", note)

    async def blunder(self, client: Any) -> None:
        await client.execute("SELECT nonsense")

    async def seen_by(self, client: Any) -> list[str]:
        return [row["note"] for row in await client.fetch(NOTES)]

    async def notes(self) -> list[str]:
        return [row["note"] for row in await ask(plain(self.url), NOTES)]


def plain(url: str) -> str:
    """*url* as other programs take it, without our switch."""
    return url.removesuffix("&pgbouncer=true")


@pytest.fixture(params=["sqlite", POSTGRES, DEBIAN_POSTGRES, "pgbouncer"])
async def client_backend(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path
) -> AsyncIterator[ClientBackend]:
    if request.param == "sqlite":
        path = str(tmp_path / "views.db")
        sqlite = await SqliteViewStore.open(path)
        connection = apsw.Connection(path)
        connection.execute(CREATE)
        connection.close()
        yield SqliteBackend(sqlite, path)
        await sqlite.close()
        return
    with database(servers, request.param) as url:
        await ask(plain(url), CREATE)
        postgres = await open_postgres_views(url)
        yield PostgresBackend(postgres, url)
        await postgres.close()


class TestClientTransactions(ClientTransactionsContract): ...


class TestClientReads(ClientReadsContract): ...
