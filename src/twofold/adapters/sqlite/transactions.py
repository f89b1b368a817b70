"""Units of work on the log's own SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import apsw

from twofold.adapters.sqlite.batch import BatchWriter
from twofold.adapters.sqlite.writer import Writer
from twofold.errors import MisuseError
from twofold.event_store.write import Write, WriteResult


class SqliteTransaction:
    """The write connection, in a transaction. `connection` is an apsw.Connection."""

    def __init__(self, connection: apsw.Connection, batch: BatchWriter) -> None:
        self.connection = connection
        self._batch = batch

    async def append(self, write: Write) -> WriteResult:
        """See Transaction.append."""
        if not self.connection.in_transaction:
            raise MisuseError("the handler ended the transaction it was given: leave COMMIT and ROLLBACK to twofold")
        return self._batch.write([write], suspicious=True)[0]


class SqliteTransactions:
    """Opens units of work, one at a time, between the groups of the committer."""

    def __init__(self, writer: Writer, batch: BatchWriter, wake: Callable[[], None]) -> None:
        self._writer = writer
        self._batch = batch
        self._wake = wake

    @asynccontextmanager
    async def begin(self, timeout: float) -> AsyncIterator[SqliteTransaction]:
        """See Transactions.begin."""
        async with self._writer.hold(timeout) as connection:
            yield SqliteTransaction(connection, self._batch)
        self._wake()
