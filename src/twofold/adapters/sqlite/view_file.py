"""The SQLite file of a view store: its connections, and transactions on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from twofold.adapters.sql.statements import load_migrations
from twofold.adapters.sqlite.checkpointer import Checkpointer
from twofold.adapters.sqlite.connection import BUSY_MILLIS, ForkGuard, open_connection, open_file, rolled_back
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.view_reading import LentReaders
from twofold.adapters.sqlite.view_turns import Steps, Turns, exhausted
from twofold.errors import ClosedError

T = TypeVar("T")
APPLICATION_ID = 0x32665657  # "2fVW"
PACKAGE = "twofold.adapters.sqlite"
# A power loss takes a checkpoint and its rows back together, and they are folded again from the log, which is
# synchronous=FULL (docs/adr/0005-views-may-lose-what-they-can-fold-again.md).
SYNCHRONOUS = "normal"
READERS = 4
READER_CACHE_KIB = 16_384
BUDGET_OPERATIONS = 20_000


class ViewFile:
    """One write connection, a connection for reads on the event loop, and a few for longer reads."""

    def __init__(self, path: str, *, vfs: str | None = None) -> None:
        self.path = path
        steps = load_migrations(PACKAGE, "view_schema")
        self.writer = open_file(path, steps, APPLICATION_ID, synchronous=SYNCHRONOUS, vfs=vfs)
        self._vfs = vfs
        self.reader = self._open_reader()
        self._checkpointer = Checkpointer(self.writer, self._open_reader())
        self.turns = Turns("twofold-views")
        self.let_go: Callable[[], None] = lambda: None
        self._guard = ForkGuard(path)
        self._writing = asyncio.Lock()
        self._free = asyncio.Semaphore(READERS)
        self._idle: list[apsw.Connection] = []
        self.lent = LentReaders(self._open_reader, self.check)
        self._is_open = True

    def check(self) -> None:
        """Raises ClosedError after `close`, StoreUnusableError in a forked process."""
        self._guard.check()
        if not self._is_open:
            raise ClosedError(f"{self.path} is closed")

    def identity(self, stored: str) -> str:
        """The *stored* id together with the file's own place: a copy of the file is another store."""
        place = Path(self.path).stat()
        return f"{stored}-{place.st_dev:x}-{place.st_ino:x}"

    async def write(self, steps: Callable[[apsw.Connection], Steps[T]]) -> T:
        """Run *steps* in a transaction of their own, and commit."""
        with translated(self.path):
            async with self.transaction() as connection:
                return await self.turns.run(steps(connection))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[apsw.Connection]:
        """Have the write connection to oneself in a transaction. Leaving normally commits, else rolls back.

        SQLite's errors come as they are.
        """
        self.check()
        async with self._writing:
            self.check()
            try:
                await self._begin()
                yield self.writer
                await self.turns.run(_commit(self.writer))
            except BaseException:
                rolled_back(self.writer)
                raise
            finally:
                self.let_go()

    async def _begin(self) -> None:
        """Begin at once, or wait on a thread while another process writes."""
        self.writer.set_busy_timeout(0)
        try:
            self.writer.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            self.writer.set_busy_timeout(BUSY_MILLIS)
            await self.turns.on_thread(lambda: self.writer.execute("BEGIN IMMEDIATE"))

    async def read_latest(self, steps: Callable[[apsw.Connection], Steps[T]]) -> T:
        """Run *steps* on a snapshot of their own, on the write connection, as whoever is about to write should.

        Its cache holds what it wrote itself; that of any other connection is void after each commit.
        """
        self.check()
        async with self._writing:
            self.check()
            with translated(self.path):
                return await self.turns.run(on_snapshot(self.writer, steps))

    async def read(self, steps: Callable[[apsw.Connection], Steps[T]]) -> T:
        """Run *steps* on a snapshot of their own.

        They begin on the event loop. What takes more than 20,000 operations of SQLite's (about a millisecond)
        between two steps begins again on a thread.
        """
        with translated(self.path):
            async with self._reader() as connection:
                budget = _Budget(connection)
                try:
                    return await self.turns.run(budget.watch(on_snapshot(connection, steps)))
                except apsw.InterruptError:
                    budget.end()
                    again = on_snapshot(connection, steps)
                    return await self.turns.on_thread(lambda: exhausted(again))
                finally:
                    budget.end()

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[apsw.Connection]:
        self.check()
        async with self._free:
            self.check()
            self.let_go()
            with translated(self.path):
                connection = self._idle.pop() if self._idle else self._open_reader()
            try:
                yield connection
            finally:
                self._idle.append(connection)

    def _open_reader(self) -> apsw.Connection:
        return open_connection(self.path, synchronous=SYNCHRONOUS, cache_kib=READER_CACHE_KIB, vfs=self._vfs)

    async def close(self) -> None:
        """Let everything that is running end, then let go of threads and connections. Repeating it does nothing."""
        self._guard.check()
        if not self._is_open:
            return
        self._is_open = False
        await self.lent.close()
        async with self._writing:
            for _ in range(READERS):
                await self._free.acquire()
            self.let_go()
            self.turns.close()
            self._checkpointer.close()
            for connection in (*self._idle, self.reader, self.writer):
                connection.close()
        for _ in range(READERS):
            self._free.release()


class _Budget:
    """Interrupts a connection's work when one step takes more operations than an event loop can spare."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._calls = 0
        connection.set_progress_handler(self._is_spent, BUDGET_OPERATIONS)

    def watch(self, steps: Steps[T]) -> Steps[T]:
        """*steps*, each with a budget of its own."""
        while True:
            self._calls = 0
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            yield

    def end(self) -> None:
        """Let the connection work as long as it takes."""
        self._connection.set_progress_handler(None)

    def _is_spent(self) -> bool:
        # The count goes on from one run of a statement to the next, so the first call may come early. Only the
        # second one interrupts: the ROLLBACK that follows must not be interrupted itself.
        self._calls += 1
        return self._calls == 2  # noqa: PLR2004


def on_snapshot(connection: apsw.Connection, steps: Callable[[apsw.Connection], Steps[T]]) -> Steps[T]:
    """Run *steps* in a read transaction: all they read is from one moment."""
    connection.execute("BEGIN")
    try:
        return (yield from steps(connection))
    finally:
        rolled_back(connection)


def _commit(connection: apsw.Connection) -> Steps[None]:
    connection.execute("COMMIT")
    yield
