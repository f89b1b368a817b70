"""Units of work on the log's own SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import apsw

from twofold.adapters.sqlite.batch import BatchWriter
from twofold.adapters.sqlite.writer import Writer
from twofold.errors import MisuseError
from twofold.event_store.write import Write, WriteResult

_ENDED = "the handler ended the transaction it was given: leave COMMIT and ROLLBACK to twofold"


class SqliteTransaction:
    """The write connection, in a transaction. `connection` is an apsw.Connection."""

    def __init__(self, connection: apsw.Connection, batch: BatchWriter) -> None:
        self.connection = connection
        self._batch = batch
        self._tried_to_commit = False
        self._was_ended = False

    async def append(self, write: Write) -> WriteResult:
        """See Transaction.append."""
        if self._was_ended:
            raise MisuseError(_ENDED)
        return self._batch.write([write], suspicious=True)[0]

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Meanwhile a COMMIT rolls back, and that the transaction was ended is noticed: raises MisuseError."""
        self.connection.set_commit_hook(self._refuse, id=self)
        self.connection.set_rollback_hook(self._end, id=self)
        try:
            yield
        except Exception as error:
            if self._tried_to_commit:
                raise MisuseError(_ENDED) from error
            raise
        finally:
            self.connection.set_commit_hook(None, id=self)
            self.connection.set_rollback_hook(None, id=self)
        if self._was_ended:
            raise MisuseError(_ENDED)

    def _refuse(self) -> bool:
        self._tried_to_commit = True
        return True

    def _end(self) -> None:
        self._was_ended = True


class SqliteTransactions:
    """Opens units of work, one at a time, between the groups of the committer."""

    def __init__(self, writer: Writer, batch: BatchWriter, wake: Callable[[], None]) -> None:
        self._writer = writer
        self._batch = batch
        self._wake = wake

    @asynccontextmanager
    async def begin(self, timeout: float) -> AsyncIterator[SqliteTransaction]:
        """See Transactions.begin. A handler's COMMIT fails and takes its changes back; MisuseError says so."""
        async with self._writer.hold(timeout) as connection:
            transaction = SqliteTransaction(connection, self._batch)
            with transaction.kept_open():
                yield transaction
        self._wake()
