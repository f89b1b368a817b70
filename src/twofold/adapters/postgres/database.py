"""Connections to one PostgreSQL database: opened, checked, handed out, taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

import asyncpg

from twofold.adapters.postgres.address import Address, no_address, parse_address
from twofold.adapters.postgres.errors import KNOWN, translate_connecting, translated
from twofold.adapters.postgres.session import FORGET, Session, is_over
from twofold.adapters.postgres.settings import check_settings
from twofold.errors import ClosedError, StoreUnavailableError

POOL_SIZE = 10
WAIT_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
IDLE_SECONDS = 10.0
"""How long a transaction may stand idle before the server ends it: a frozen process must not hold locks for ever."""
_log = logging.getLogger("twofold.postgres")
_IDLE_SETTING = "idle_in_transaction_session_timeout"
_LIMIT_IDLENESS = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"

_POOLED = (
    "%s: something lends out the server's connections, perhaps PgBouncer; add pgbouncer=true to the URL if it lends "
    "them out by transaction"
)

Connection = Any  # asyncpg's own, or the pool's proxy of one


class Database:
    """A pool of connections. Statements outside `transaction` commit by themselves.

    Behind PgBouncer in transaction mode nothing may outlive a transaction: there every statement is wrapped in one,
    nothing is prepared, and nobody listens. `is_pooled` says whether something like it was found there; `facts` are the
    server's.
    """

    def __init__(self, address: Address, pool: asyncpg.Pool, wait: float, idle: float) -> None:
        self.address = address
        self.name = address.name
        self.facts: dict[str, str] = {}
        self.is_pooled = False
        self._pool = pool
        self._wait = wait
        self._idle_limit = f"{round(idle * 1000)}"
        self._idle: list[Connection] = []
        self._is_wanted = 0
        self._is_open = True

    @classmethod
    async def open(
        cls, url: str, *, pool_size: int = POOL_SIZE, wait: float = WAIT_SECONDS, idle: float = IDLE_SECONDS
    ) -> Self:
        """Connect, and refuse a server that would lose data.

        Args:
            url: `postgresql://user@host/database`; `?pgbouncer=true` behind PgBouncer in transaction mode.
            pool_size: most connections at a time.
            wait: how long (seconds) to wait for a free connection.
            idle: how long (seconds) a transaction may stand idle before the server ends it.

        Raises:
            ConfigError: the URL makes no sense.
            StoreUnusableError: the database is not there, or is set up in a way that loses data; says what to do.
            StoreUnavailableError: no answer from the server.
        """
        address = parse_address(url)
        pool = await asyncpg.create_pool(
            address.dsn,
            min_size=0,
            max_size=pool_size,
            statement_cache_size=0 if address.pgbouncer else 1000,
            command_timeout=STATEMENT_SECONDS,
            timeout=wait,
            reset=_nothing,
            connection_class=Session,
            server_settings=None if address.pgbouncer else {_IDLE_SETTING: f"{round(idle * 1000)}"},
        )
        try:
            database = cls(address, pool, wait, idle)
            async with database.transaction() as connection:
                database.facts.update(await check_settings(connection, address.name))
                database.is_pooled = connection.get_server_pid() != int(database.facts.pop("backend"))
        except BaseException:
            pool.terminate()
            raise
        if database.is_pooled and not address.pgbouncer:
            _log.warning(_POOLED, address.name)
        return database

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection of one's own for a while.

        Raises StoreUnavailableError when none was free in time; ClosedError.
        """
        connection = await self._borrow()
        try:
            yield connection
        except BaseException:
            with translated(self.name):
                await self._take_back(connection)
                raise
        await self._keep(connection)

    @property
    def size(self) -> int:
        """How many connections there are at most."""
        return self._pool.get_max_size()

    async def _keep(self, connection: Connection) -> None:
        """Have it at hand for the next statement, unless somebody waits for the pool."""
        if self._is_wanted or not self._is_open or not _is_at_rest(connection):
            await self._take_back(connection)
        else:
            self._idle.append(connection)

    async def _borrow(self) -> Connection:
        """An idle connection, or one of the pool's: the pool's own hand-over takes longer than many a statement."""
        self._check_open()
        while self._idle:
            connection = self._idle.pop()
            if not is_over(connection):
                return connection
            await self._take_back(connection)
        self._is_wanted += 1
        try:
            return await self._pool.acquire(timeout=self._wait)
        except TimeoutError as error:
            raise StoreUnavailableError(f"{self.name}: {self._why_none()}") from error
        except KNOWN as error:
            self._check_open()
            raise translate_connecting(error, self.name) from error
        except ValueError:  # the driver's, of a part of the URL that may be anything
            raise no_address() from None
        finally:
            self._is_wanted -= 1

    def _why_none(self) -> str:
        """Why no connection was to be had in time: none could be made, or all are in use."""
        if self._pool.get_size() < self._pool.get_max_size():
            return f"the server did not answer within {self._wait:g} s; check that it runs, and host and port"
        return (
            f"none of {self._pool.get_max_size()} connections came free within {self._wait:g} s; "
            "raise pool_size, or find out what holds them"
        )

    async def _take_back(self, connection: Connection) -> None:
        """A connection that may be in the middle of something goes back to the pool, and one in a transaction ends."""
        if not is_over(connection) and connection.is_in_transaction():
            connection.terminate()
        try:
            await asyncio.shield(self._pool.release(connection, timeout=self._wait))
        except KNOWN as error:
            _log.info("%s: a connection was thrown away: %s", self.name, str(error) or type(error).__name__)

    def _check_open(self) -> None:
        if not self._is_open:
            raise ClosedError(f"{self.name} is closed")

    @asynccontextmanager
    async def transaction(
        self, *, isolation: str = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """A connection inside a transaction: leaving normally commits, an exception rolls back."""
        async with self.acquire() as connection, connection.transaction(isolation=isolation, readonly=readonly):
            if self.address.pgbouncer:
                await connection.execute(_LIMIT_IDLENESS, self._idle_limit)
            yield connection

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """A connection for code that is not ours: its errors stay as they are, and what it changed of the session ends.

        Raises StoreUnavailableError when none was free in time; ClosedError.
        """
        connection = await self._borrow()
        try:
            yield connection
        finally:
            await asyncio.shield(self._take_back_from_stranger(connection))

    @asynccontextmanager
    async def foreign_transaction(
        self, connection: Connection, *, isolation: str = "read_committed", readonly: bool = False
    ) -> AsyncIterator[None]:
        """A transaction on a connection that was lent. A failing rollback hides no error."""
        failed: BaseException | None = None
        try:
            async with connection.transaction(isolation=isolation, readonly=readonly):
                if self.address.pgbouncer:
                    await connection.execute(_LIMIT_IDLENESS, self._idle_limit)
                try:
                    yield
                except BaseException as error:
                    failed = error
                    raise
                if self.address.pgbouncer:  # the server's session goes to somebody else at once
                    await connection.execute(FORGET)
        except KNOWN as error:
            raise (failed or error) from error.__cause__

    async def _take_back_from_stranger(self, connection: Connection) -> None:
        """Undo what a stranger did to the session; what cannot be undone ends the connection."""
        if not is_over(connection) and not connection.is_in_transaction():
            try:
                if connection.has_codecs:
                    connection.terminate()
                elif not self.address.pgbouncer:
                    await connection.reset(timeout=self._wait)
            except BaseException as error:
                if not is_over(connection):
                    connection.terminate()
                if not isinstance(error, KNOWN):
                    raise
        await self._take_back(connection)

    def statement(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for one statement, which commits by itself."""
        return self.transaction() if self.address.pgbouncer else self.acquire()

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement, which commits by itself."""
        return await self._ask(lambda connection: connection.fetch(sql, *arguments))  # type: ignore[no-any-return]

    async def row(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row of one statement, which commits by itself."""
        return await self._ask(lambda connection: connection.fetchrow(sql, *arguments))  # type: ignore[no-any-return]

    async def _ask(self, question: Callable[[Connection], Awaitable[Any]]) -> Any:
        """As `statement`, without its context managers: they take as long as the driver does for a row."""
        if self.address.pgbouncer:
            async with self.transaction() as connection:
                return await question(connection)
        connection = await self._borrow()
        try:
            answer = await question(connection)
        except BaseException:
            with translated(self.name):
                await self._take_back(connection)
                raise
        await self._keep(connection)
        return answer

    async def close(self) -> None:
        """Let statements under way end, then disconnect. Repeating it does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            while self._idle:
                await self._take_back(self._idle.pop())
            await asyncio.wait_for(self._pool.close(), self._wait)
        except TimeoutError:
            self._pool.terminate()


def _is_at_rest(connection: Connection) -> bool:
    """Whether it is in no transaction; one that was lost meanwhile is found out when it is wanted."""
    try:
        return not connection.is_in_transaction()
    except asyncpg.InterfaceError:
        return False


async def _nothing(connection: Connection) -> None:
    """What is handed to strangers is reset by whoever hands it out."""
