"""What an error inside a unit of work means: somebody was first, the world is gone, or it is the handler's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from twofold.adapters.postgres.database import Connection
from twofold.adapters.postgres.errors import KNOWN, translate
from twofold.adapters.postgres.session import is_over
from twofold.errors import ConflictError, MisuseError, TwofoldError

_FIRST = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_DRIVERS_SAVEPOINT = "__asyncpg_savepoint"
_OF_THE_WORLD = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)
ENDED = "the handler ended the transaction it was given: leave COMMIT and ROLLBACK to twofold"
_FAILED = (
    "the handler went on after a statement of its own had failed, which PostgreSQL does not allow; "
    "put a statement that may fail inside `async with work.connection.transaction():`, a savepoint"
)


@contextmanager
def judged(connection: Connection, name: str) -> Iterator[None]:
    """Run a handler's part of a transaction.

    Raises:
        ConflictError: a deadlock, or a transaction that could not be serialised: nothing was written, do it again.
        StoreUnavailableError: the connection is gone, or the server could not do it now.
        MisuseError: the handler ended the transaction, or went on after a failure.
        Anything else, a violated constraint for example, is the handler's own and stays as it is.
    """
    try:
        yield
    except KNOWN as error:
        meant = meaning_of(error, connection, name)
        if meant is None:
            raise
        raise meant from error


def meaning_of(error: BaseException, connection: Connection, name: str) -> TwofoldError | None:
    """What the driver's *error* says to the caller of a command; None when it is the handler's own affair."""
    if isinstance(error, TwofoldError) or not isinstance(error, KNOWN):
        return None
    if isinstance(error, _FIRST):
        return ConflictError(f"{name}: another transaction was in the way, nothing was written ({error})")
    if isinstance(error, asyncpg.InFailedSQLTransactionError):
        return MisuseError(f"{name}: {_FAILED}")
    if isinstance(error, asyncpg.NoActiveSQLTransactionError) or _DRIVERS_SAVEPOINT in str(error):
        return MisuseError(f"{name}: {ENDED}")  # a savepoint of the driver's is gone with its transaction
    if isinstance(error, _OF_THE_WORLD) or is_over(connection):
        return translate(error, name)
    return None


def refuse_ended(connection: Connection, name: str) -> None:
    """Raise MisuseError when the handler has ended its transaction."""
    if not is_over(connection) and not connection.is_in_transaction():
        raise MisuseError(f"{name}: {ENDED}")
