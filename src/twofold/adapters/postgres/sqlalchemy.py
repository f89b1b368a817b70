"""SQLAlchemy inside a unit of work: its connections and sessions live in the transaction that twofold commits.

Only handlers that use it import this module; it needs `pip install "twofold[sqlalchemy]"`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import asyncpg

from twofold.adapters.postgres.errors import KNOWN
from twofold.adapters.postgres.unit_errors import meaning_of
from twofold.errors import ExtraMissingError, MisuseError
from twofold.write.unit_of_work import UnitOfWork

try:
    from sqlalchemy.dialects import registry
    from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
    from sqlalchemy.pool import NullPool
except ImportError as missing:
    raise ExtraMissingError("sqlalchemy", "SQLAlchemy inside a unit of work") from missing

_lent: ContextVar[asyncpg.Connection] = ContextVar("lent")


class LentConnectionDialect(PGDialect_asyncpg):
    """asyncpg's dialect for a connection that is another's: it is neither set up nor closed.

    JSON is decoded here and not by codecs of the connection, which would stay behind.
    """

    supports_statement_cache = True
    supports_native_json_deserialization = False

    def on_connect(self) -> None:
        """Change nothing."""

    def do_close(self, dbapi_connection: Any) -> None:
        """Leave it open."""

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Leave it open: whoever lent it ends it when it cannot be used any more."""


registry.register("postgresql.twofold", __name__, "LentConnectionDialect")


@asynccontextmanager
async def session_of(work: UnitOfWork) -> AsyncIterator[AsyncSession]:
    """A session inside the transaction of *work*, for `async with`.

    Leaving normally flushes. An exception takes back what the session did, and only that, so that a handler may catch
    a violated constraint around it. The session's own commit and rollback end a savepoint, never the unit of work.

    Raises:
        MisuseError: the unit of work is not on PostgreSQL, or its transaction was ended.
        ConflictError, StoreUnavailableError: a deadlock, a lost connection and the like.
        sqlalchemy.exc.SQLAlchemyError: everything else, as it is.
    """
    async with connection_of(work) as connection, AsyncSession(connection, expire_on_commit=False) as session:
        yield session
        await session.commit()


@asynccontextmanager
async def connection_of(work: UnitOfWork) -> AsyncIterator[AsyncConnection]:
    """A connection inside the transaction of *work*. Leaving normally keeps what it did. Else as `session_of`."""
    if not isinstance(work.connection, asyncpg.Connection):
        raise MisuseError("SQLAlchemy is for units of work on PostgreSQL; on SQLite use work.connection, from apsw")
    with _judged(work.connection):
        async with _connected(work.connection) as connection:
            yield connection
            await connection.commit()


@asynccontextmanager
async def _connected(lent: asyncpg.Connection) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as stack:
        token = _lent.set(lent)
        try:
            connection = await stack.enter_async_context(_engine(lent.get_server_version()).connect())
        finally:
            _lent.reset(token)
        yield connection


@lru_cache(maxsize=16)
def _engine(_version: object) -> AsyncEngine:
    """One engine for all servers of a version, which is all it asks a server for. It keeps no connection.

    Statements are prepared without a name and not kept, so that nothing stays behind, and PgBouncer does not mind.
    """
    return create_async_engine(
        "postgresql+twofold://",
        async_creator=_take,
        poolclass=NullPool,
        connect_args={"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""},
    )


async def _take() -> asyncpg.Connection:
    return _lent.get()


@contextmanager
def _judged(connection: asyncpg.Connection) -> Iterator[None]:
    """SQLAlchemy's errors hold the driver's: those that say something of the database come out as twofold's."""
    try:
        yield
    except DBAPIError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KNOWN):
            cause = cause.__cause__
        meant = None if cause is None else meaning_of(cause, connection, "PostgreSQL")
        if meant is None:
            raise
        raise meant from error
