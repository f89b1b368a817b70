"""The only write connection of a log: rows are written on the event loop, waiting for the disk is a thread's work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TypeVar

import apsw

from twofold.adapters.sqlite.connection import BUSY_MILLIS, ForkGuard, rolled_back
from twofold.adapters.sqlite.errors import translate
from twofold.errors import ClosedError, StoreUnavailableError

T = TypeVar("T")
INLINE_SECONDS = 0.001
WEIGHT = 0.1
"""How much one commit counts in what they took lately: one of 10 ms is forgotten after a few quick ones."""


class Writer:
    """Runs one transaction after another on the write connection.

    A job's rows are written on the event loop: a thread beside a busy loop would lose and fetch the interpreter
    lock at every row. COMMIT, which waits for the disk, runs there too while commits lately took under 1 ms on
    average, for a hop to a thread costs 50 us and more; slow ones move it to the thread until the disk is quick
    again. A lock that another process holds is waited for on the thread.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self.forget: Callable[[], None] = lambda: None
        self._run = connection.execute
        self._guard = ForkGuard(path)
        self._lock = asyncio.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._lately = 0.0
        self._broken: str | None = None
        self._closed = False
        connection.set_busy_timeout(0)

    async def transact(self, job: Callable[[], T]) -> T:
        """Run *job* in a transaction of its own and return what it returns, once that is durable.

        Raises what the job raised, after rolling back; StoreUnavailableError when the store cannot be written.
        """
        self._check()
        async with self._lock:
            self._check()
            try:
                await self._begin()
                result = job()
                await self._commit()
            except apsw.ConstraintError:
                self._roll_back()
                raise
            except apsw.Error as error:
                raise self._failed(error) from error
            except BaseException:
                self._roll_back()
                raise
            return result

    @asynccontextmanager
    async def hold(self, timeout: float) -> AsyncIterator[apsw.Connection]:
        """Have the write connection to oneself, in a transaction; at most *timeout* seconds until it is had."""
        self._check()
        try:
            await asyncio.wait_for(self._lock.acquire(), timeout)
        except TimeoutError as error:
            raise StoreUnavailableError(f"the writer of {self.path} was busy for {timeout} s; try again") from error
        try:
            self._check()
            await self._guarded(self._begin)
            try:
                yield self.connection
            except BaseException:
                self._roll_back()
                raise
            await self._guarded(self._commit)
        finally:
            self._lock.release()

    async def close(self) -> None:
        """Let the running transaction end, then end the thread and close the connection."""
        async with self._lock:
            if not self._closed:
                self._closed = True
                if self._thread is not None:
                    self._thread.shutdown()
                self.connection.close()

    def _check(self) -> None:
        self._guard.check()
        if self._closed:
            raise ClosedError(f"{self.path} is closed")
        if self._broken is not None:
            raise StoreUnavailableError(self._broken)

    async def _guarded(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except apsw.Error as error:
            raise self._failed(error) from error
        except BaseException:
            self._roll_back()
            raise

    async def _begin(self) -> None:
        try:
            self._run("BEGIN IMMEDIATE")
        except apsw.BusyError:
            await self._on_thread(self._begin_patiently)

    def _begin_patiently(self) -> None:
        self.connection.set_busy_timeout(BUSY_MILLIS)
        try:
            self._run("BEGIN IMMEDIATE")
        finally:
            self.connection.set_busy_timeout(0)

    async def _commit(self) -> None:
        if self._lately < INLINE_SECONDS:
            self._commit_and_time()
        else:
            await self._on_thread(self._commit_and_time)

    def _commit_and_time(self) -> None:
        started = perf_counter()
        self._run("COMMIT")
        self._lately += (perf_counter() - started - self._lately) * WEIGHT

    def _roll_back(self) -> None:
        rolled_back(self.connection)
        self.forget()

    def _failed(self, error: apsw.Error) -> Exception:
        """Roll back, and say it in twofold's words."""
        self._roll_back()
        translated = translate(error, self.path)
        if isinstance(error, apsw.IOError):
            # After a failed write or sync nobody knows what the disk holds; SQLite finds out when it opens the file.
            self._broken = str(translated)
        return translated

    async def _on_thread(self, job: Callable[[], object]) -> None:
        """Run *job* on the thread. A cancellation is raised only once the thread is through with the connection."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, f"twofold-writer {self.path}")
        done = asyncio.wrap_future(self._thread.submit(job))
        cancelled: asyncio.CancelledError | None = None
        while not done.done():
            try:
                await asyncio.wait((done,))
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            done.exception()
            raise cancelled
        done.result()
