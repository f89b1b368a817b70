"""Units of work on the log's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from twofold.adapters.postgres.appending import Appender
from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.session import is_over
from twofold.adapters.postgres.unit_errors import judged, refuse_ended
from twofold.errors import ConflictError, MisuseError, StoreUnavailableError
from twofold.event_store.write import Write, WriteResult

_MARK = "SET LOCAL twofold.unit = 'open'"  # ends with the transaction, and with it only


class PostgresTransaction:
    """A connection in a transaction at READ COMMITTED. `connection` is an asyncpg.Connection."""

    def __init__(self, connection: Connection, appender: Appender, name: str) -> None:
        self.connection = connection
        self._appender = appender
        self._name = name

    async def append(self, write: Write) -> WriteResult:
        """See Transaction.append. From here to the end of the transaction every other writer waits.

        Raises ConflictError when the handler has made the transaction a stricter one, which does not see what was
        appended meanwhile.
        """
        refuse_ended(self.connection, self._name)
        try:
            return await self._appender.of_unit(self.connection, write)
        except asyncpg.UniqueViolationError as error:
            raise ConflictError(f"{self._name}: others have appended since the transaction began ({error})") from error
        except asyncpg.InterfaceError as error:
            if is_over(self.connection):
                raise
            raise MisuseError(f"{self._name}: the handler has left the connection at work ({error})") from error


class PostgresTransactions:
    """Opens units of work, each on a connection of its own; only appending makes them wait for one another."""

    def __init__(self, database: Database, appender: Appender, wake: Callable[[], None]) -> None:
        self._database = database
        self._appender = appender
        self._wake = wake

    @asynccontextmanager
    async def begin(self, timeout: float) -> AsyncIterator[PostgresTransaction]:
        """See Transactions.begin. A handler's own errors come out as they are; see `judged` for the others."""
        name = self._database.name
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(timeout):
                    connection = await self._begun(stack)
            except TimeoutError as error:
                raise StoreUnavailableError(
                    f"{name}: no connection came free within {timeout:g} s; raise pool_size"
                ) from error
            try:
                yield PostgresTransaction(connection, self._appender, name)
            except Exception:
                refuse_ended(connection, name)
                raise
            refuse_ended(connection, name)
        self._wake()

    async def _begun(self, stack: AsyncExitStack) -> Connection:
        connection = await stack.enter_async_context(self._database.lend())
        stack.enter_context(judged(connection, self._database.name))
        await stack.enter_async_context(self._database.foreign_transaction(connection))
        await connection.execute(_MARK)
        return connection
