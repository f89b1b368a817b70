"""Queries through asyncpg itself, on one snapshot of a view store's database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.errors import KNOWN
from twofold.adapters.postgres.unit_errors import meaning_of

PIN = "SELECT"
"""Takes the snapshot: BEGIN does not."""


class LentReaders:
    """Connections for strangers: at most half of the pool, so that who holds one may read rows too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = asyncio.Semaphore(max(1, database.size // 2))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """See ClientReads.reading: an asyncpg connection in a transaction that is read-only and REPEATABLE READ.

        What it changed of its session ends with it. Raises StoreUnavailableError when the database does not answer, or
        no connection came free in time.
        """
        async with self._free, self._database.lend() as connection:
            try:
                async with self._database.foreign_transaction(connection, isolation="repeatable_read", readonly=True):
                    await connection.execute(PIN)
                    yield connection
            except asyncpg.ReadOnlySQLTransactionError:
                raise  # the stranger tried to write; elsewhere it would mean that the server is a replica
            except KNOWN as error:
                meant = meaning_of(error, connection, self._database.name)
                if meant is None:
                    raise
                raise meant from error
