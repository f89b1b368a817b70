"""A worker repeats one step: at once while there is work, else after a wake-up, else after backing off."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from twofold.clock import Clock, SystemClock
from twofold.errors import UnavailableError
from twofold.retry import RetryPolicy
from twofold.runtime.health import State, WorkerStatus

Step = Callable[[], Awaitable[int]]
Wake = Callable[[float], Awaitable[object]]
Sleep = Callable[[float], Awaitable[object]]

FIRST_IDLE = 0.01
MAX_IDLE = 1.0

_log = logging.getLogger("twofold.runtime")


class Worker:
    """Repeats *step* until it is told to stop; a step that has begun is always finished.

    A step moves at most one batch and returns how many it moved. More than 0: the next step follows at once, after
    other tasks had their turn. 0: it waits for `wake`, or without one for a time that doubles from FIRST_IDLE to
    `max_idle`. An exception: it backs off as `retry` says and tries again.

    Args:
        name: shown in health and logs.
        step: does the work; knows nothing of the worker.
        wake: waits until there is something new, at most the given number of seconds, and says whether there is.
            One that says so in vain, again and again, is asked after the idle wait only, so that nothing spins.
        retry: back-off between failures. Once it is exhausted `run` raises the last error.
        max_idle: seconds, the longest wait between two steps when nothing moves.
        clock: monotonic time for ages.
        sleep: waits a number of seconds; tests inject a virtual one.
        rng: source of jitter.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        wake: Wake | None = None,
        *,
        retry: RetryPolicy | None = None,
        max_idle: float = MAX_IDLE,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.name = name
        self.step = step
        self.restarts = 0
        self._wake = wake
        self._retry = retry or RetryPolicy()
        self._max_idle = max_idle
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._state = State.STOPPED
        self._stopping = False
        self._pausing: asyncio.Future[object] | None = None
        self._idle = FIRST_IDLE
        self._was_woken = False
        self._failures = 0
        self._moved = 0
        self._last_error: str | None = None
        self._progress_at: float | None = None

    async def run(self) -> None:
        """Repeat the step until `stop` is called.

        Raises the step's last error when the retry policy is exhausted; never any other.
        """
        self._state = State.RUNNING
        try:
            while not self._stopping:
                await self._turn()
        finally:
            self._state = State.STOPPED

    def stop(self) -> None:
        """End `run` after the step under way; a wait under way ends at once. Repeating it does nothing."""
        self._stopping = True
        if self._pausing is not None:
            self._pausing.cancel()

    def status(self) -> WorkerStatus:
        """The worker as it is now."""
        age = None if self._progress_at is None else self._clock.monotonic() - self._progress_at
        return WorkerStatus(self.name, self._state, self._last_error, self._failures, self._moved, self.restarts, age)

    async def _turn(self) -> None:
        try:
            moved = await self.step()
            self._progressed(moved)
            if moved:
                await asyncio.sleep(0)
            else:
                await self._await_work()
        except Exception as error:  # noqa: BLE001 - whatever a step raises is retried, recorded and logged
            await self._back_off(error)

    def _progressed(self, moved: int) -> None:
        if self._failures:
            _log.warning("worker %s works again; failures before: %d", self.name, self._failures)
        self._failures = 0
        self._moved += moved
        self._progress_at = self._clock.monotonic()
        if moved:
            self._idle = FIRST_IDLE
            self._was_woken = False

    async def _await_work(self) -> None:
        if self._wake is None or self._was_woken:
            await self._pause(self._sleep(self._idle))
            self._idle = min(self._idle * 2, self._max_idle)
        self._was_woken = self._wake is not None and bool(await self._pause(self._wake(self._max_idle)))

    async def _back_off(self, error: Exception) -> None:
        self._failures += 1
        self._record(error)
        if self._retry.exhausted(self._failures):
            raise error
        self._state = State.BACKING_OFF
        await self._pause(self._sleep(self._retry.delay(self._failures, self._rng)))
        self._state = State.RUNNING

    def _record(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        if self._failures == 1 or text != self._last_error:
            trace = None if isinstance(error, UnavailableError) else error  # the world's fault, not the code's
            _log.warning("worker %s failed and will try again: %s", self.name, text, exc_info=trace)
        self._last_error = text

    async def _pause(self, waiting: Awaitable[object]) -> object:
        """Wait, but not longer than until `stop`. The wait is a task of its own so that only it is cancelled."""
        self._pausing = asyncio.ensure_future(waiting)
        if self._stopping:
            self._pausing.cancel()
        try:
            return await self._pausing
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            return None
        finally:
            self._pausing = None
