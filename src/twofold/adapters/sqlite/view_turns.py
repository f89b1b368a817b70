"""Where the work of a view store is done: on the event loop in short turns, or on a thread when it is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
TURN_SECONDS = 0.001
SLOW_SECONDS = 0.01
SLOW_PAUSE_SECONDS = 0.5
THREADS = 3


class Turns:
    """Runs steps of database work.

    A step takes well under a millisecond while the pages are in memory. Then it is done on the event loop, and after
    each millisecond other tasks have their turn: threads would compete for the interpreter at every row, which
    costs up to 5 ms each beside a busy loop. A step that takes long waits for the disk, and that is what
    threads are for: the rest, and what follows within half a second, is done there.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads: ThreadPoolExecutor | None = None
        self._slow_until = 0.0

    async def run(self, steps: Steps[T]) -> T:
        """Run *steps* to their end and return what they return. Cancelled, it closes them between two steps."""
        try:
            now = perf_counter()
            turn_ends = now + TURN_SECONDS
            while now >= self._slow_until:
                next(steps)
                began, now = now, perf_counter()
                if now - began > SLOW_SECONDS:
                    self._slow_until = now + SLOW_PAUSE_SECONDS
                elif now > turn_ends:
                    await asyncio.sleep(0)
                    now = perf_counter()
                    turn_ends = now + TURN_SECONDS
            return await self.on_thread(lambda: exhausted(steps))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def on_thread(self, job: Callable[[], T]) -> T:
        """Run *job* on a thread. A cancellation is raised once the thread is through with it."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, self._name)
        done = asyncio.wrap_future(self._threads.submit(job))
        cancelled: asyncio.CancelledError | None = None
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is None:
            return done.result()
        done.exception()
        raise cancelled

    def close(self) -> None:
        """End the threads; nothing may be running."""
        if self._threads is not None:
            self._threads.shutdown()


def exhausted(steps: Steps[T]) -> T:
    """Run *steps* to their end, here and now, and return what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
