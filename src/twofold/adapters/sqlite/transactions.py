"""Units of work on the log's own SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

import apsw

from twofold.adapters.sqlite.batch import BatchWriter
from twofold.adapters.sqlite.writer import Writer
from twofold.errors import MisuseError, StoreUnavailableError
from twofold.event_store.write import Write, WriteResult

STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the clock: a few hundred microseconds."""
_ENDED = "the handler ended the transaction it was given: leave COMMIT and ROLLBACK to twofold"


class SqliteTransaction:
    """The write connection, in a transaction. `connection` is an apsw.Connection.

    A statement that still runs *seconds* from now is interrupted: nothing else runs in the process meanwhile.
    """

    def __init__(self, connection: apsw.Connection, batch: BatchWriter, seconds: float) -> None:
        self.connection = connection
        self._batch = batch
        self._seconds = seconds
        self._deadline = monotonic() + seconds
        self._tried_to_commit = False
        self._was_ended = False

    async def append(self, write: Write) -> WriteResult:
        """See Transaction.append."""
        if self._was_ended:
            raise MisuseError(_ENDED)
        self.connection.set_progress_handler(None, id=self)  # the limit is the handler's, not ours
        return self._batch.write([write], suspicious=True)[0]

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Meanwhile a COMMIT rolls back, and that the transaction was ended is noticed: raises MisuseError.

        Raises StoreUnavailableError when a statement had to be interrupted.
        """
        self.connection.set_commit_hook(self._refuse, id=self)
        self.connection.set_rollback_hook(self._end, id=self)
        self.connection.set_progress_handler(self._is_late, STEPS, id=self)
        try:
            yield
        except Exception as error:
            if self._tried_to_commit:
                raise MisuseError(_ENDED) from error
            if isinstance(error, apsw.InterruptError) and self._is_late():
                raise StoreUnavailableError(
                    f"a statement of the handler took more than {self._seconds:g} s (unit_of_work); it was rolled back"
                ) from error
            raise
        finally:
            self.connection.set_commit_hook(None, id=self)
            self.connection.set_rollback_hook(None, id=self)
            self.connection.set_progress_handler(None, id=self)
        if self._was_ended:
            raise MisuseError(_ENDED)

    def _is_late(self) -> bool:
        return monotonic() > self._deadline

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
            transaction = SqliteTransaction(connection, self._batch, timeout)
            with transaction.kept_open():
                yield transaction
        self._wake()
