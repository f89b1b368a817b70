"""The only write connection of a log: used inline or on its own thread, by one of them at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, TypeVar

import apsw

from twofold.adapters.sqlite.connection import BUSY_MILLIS, ForkGuard, rolled_back
from twofold.adapters.sqlite.errors import translate, translated
from twofold.errors import ClosedError, StoreUnavailableError

T = TypeVar("T")
INLINE_SECONDS = 0.001
INLINE_PAUSE_SECONDS = 1.0


class Writer:
    """Runs one transaction after another on the write connection.

    A job runs inline on the event loop while the writer is idle and its transactions lately took under
    1 ms; otherwise on the writer's thread. One slow transaction switches inline off for a second.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self.forget: Callable[[], None] = lambda: None
        self._run = connection.execute
        self._guard = ForkGuard(path)
        self._lock = asyncio.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._thread_until = 0.0
        self._broken: StoreUnavailableError | None = None
        self._closed = False

    async def transact(self, job: Callable[[], T]) -> T:
        """Run *job* in a transaction of its own and return what it returns, once that is durable.

        Raises what the job raised, after rolling back; StoreUnavailableError when the store cannot be written.
        """
        self._check()
        if self._lock.locked() or perf_counter() < self._thread_until:
            async with self._lock:
                self._check()
                return await self._on_thread(job)
        await self._lock.acquire()
        try:
            return await self._inline(job)
        finally:
            self._lock.release()

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
            try:
                await self._on_thread_plain(self._begin_held)
                yield self.connection
            except BaseException:
                self._roll_back()
                raise
            await self._on_thread_plain(self._commit_held)
        finally:
            self._lock.release()

    async def close(self) -> None:
        """Let the running transaction end, then end the thread and close the connection."""
        async with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._thread is not None:
                self._jobs.put(None)
                self._thread.join()
            self.connection.close()

    def _check(self) -> None:
        self._guard.check()
        if self._closed:
            raise ClosedError(f"{self.path} is closed")
        if self._broken is not None:
            raise StoreUnavailableError(str(self._broken)) from self._broken

    async def _inline(self, job: Callable[[], T]) -> T:
        started = perf_counter()
        self.connection.set_busy_timeout(0)
        try:
            return self._transaction(job)
        except apsw.BusyError:
            self._thread_until = perf_counter() + INLINE_PAUSE_SECONDS
        finally:
            self.connection.set_busy_timeout(BUSY_MILLIS)
            ended = perf_counter()
            if ended - started > INLINE_SECONDS:
                self._thread_until = ended + INLINE_PAUSE_SECONDS
        return await self._on_thread(job)

    async def _on_thread(self, job: Callable[[], T]) -> T:
        return await self._on_thread_plain(lambda: self._translated(job))

    def _translated(self, job: Callable[[], T]) -> T:
        try:
            return self._transaction(job)
        except apsw.BusyError as error:
            raise translate(error, self.path) from error

    def _transaction(self, job: Callable[[], T]) -> T:
        self._begin()
        try:
            result = job()
            self._commit()
        except apsw.BusyError:
            self._roll_back()
            raise
        except apsw.Error as error:
            self._roll_back()
            raise self._fatal(error) from error
        except BaseException:
            self._roll_back()
            raise
        return result

    def _begin(self) -> None:
        self._run("BEGIN IMMEDIATE")

    def _begin_held(self) -> None:
        with translated(self.path):
            self._begin()

    def _commit(self) -> None:
        self._run("COMMIT")

    def _commit_held(self) -> None:
        try:
            self._commit()
        except apsw.Error as error:
            self._roll_back()
            raise self._fatal(error) from error

    def _roll_back(self) -> None:
        rolled_back(self.connection)
        self.forget()

    def _fatal(self, error: apsw.Error) -> BaseException:
        if isinstance(error, apsw.ConstraintError):
            return error
        translated = translate(error, self.path)
        if isinstance(error, apsw.IOError):
            # After a failed write or sync nobody knows what the disk holds; SQLite finds out when it opens the file.
            self._broken = StoreUnavailableError(str(translated))
        return translated

    async def _on_thread_plain(self, job: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=f"twofold-writer {self.path}", daemon=True)
            self._thread.start()

        def run() -> None:
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - handed to the waiting coroutine
                loop.call_soon_threadsafe(_fail, done, error)
            else:
                loop.call_soon_threadsafe(_resolve, done, result)

        self._jobs.put(run)
        return await _unhurried(done)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


async def _unhurried(done: asyncio.Future[T]) -> T:
    """Wait for *done* even when cancelled: the thread has the connection until then. The cancellation comes after."""
    cancelled: asyncio.CancelledError | None = None
    while not done.done():
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:  # noqa: BLE001 - read from the future below
            break
    if cancelled is not None:
        done.exception()
        raise cancelled
    return done.result()


def _resolve(done: asyncio.Future[Any], result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
