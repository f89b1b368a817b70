"""Units of work on the log's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from twofold.adapters.postgres.appending import Appender
from twofold.adapters.postgres.database import Connection, Database
from twofold.errors import MisuseError, StoreUnavailableError
from twofold.event_store.write import Write, WriteResult


class PostgresTransaction:
    """A connection in a transaction at READ COMMITTED. `connection` is an asyncpg.Connection."""

    def __init__(self, connection: Connection, appender: Appender) -> None:
        self.connection = connection
        self._appender = appender

    async def append(self, write: Write) -> WriteResult:
        """See Transaction.append. From here to the end of the transaction every other writer waits."""
        if not self.connection.is_in_transaction():
            raise MisuseError("the handler ended the transaction it was given: leave COMMIT and ROLLBACK to twofold")
        return (await self._appender.inside(self.connection, [write]))[0]


class PostgresTransactions:
    """Opens units of work, each on a connection of its own; only appending makes them wait for one another."""

    def __init__(self, database: Database, appender: Appender, wake: Callable[[], None]) -> None:
        self._database = database
        self._appender = appender
        self._wake = wake

    @asynccontextmanager
    async def begin(self, timeout: float) -> AsyncIterator[PostgresTransaction]:
        """See Transactions.begin."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(timeout):
                    connection = await stack.enter_async_context(self._database.lend())
            except TimeoutError as error:
                raise StoreUnavailableError(
                    f"{self._database.name}: no connection came free within {timeout:g} s; raise pool_size"
                ) from error
            yield PostgresTransaction(connection, self._appender)
        self._wake()
