"""Starts, watches, restarts and stops workers."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable

from twofold.retry import RetryPolicy
from twofold.runtime.health import Health, ReaderStatus, State, WorkerStatus
from twofold.runtime.worker import Sleep, Worker

DRAIN_SECONDS = 10.0
CANCEL_SECONDS = 5.0

_log = logging.getLogger("twofold.runtime")
_RESTART = RetryPolicy(first_delay=1.0, max_delay=30.0)


class Supervisor:
    """Runs each worker in a task that it keeps hold of, and starts a worker again whose `run` raised.

    Args:
        workers: what to run; their names tell them apart.
        drain_seconds: how long `stop` lets steps under way finish.
        restart: how often, and after how long, a worker that gave up is started again.
        sleep: waits a number of seconds; tests inject a virtual one.
        rng: source of jitter.
    """

    def __init__(
        self,
        workers: Iterable[Worker] = (),
        *,
        drain_seconds: float = DRAIN_SECONDS,
        restart: RetryPolicy = _RESTART,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._workers = {worker.name: worker for worker in workers}
        self._drain_seconds = drain_seconds
        self._restart = restart
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Start every worker that is not running. Must be called inside a running loop."""
        for name, worker in self._workers.items():
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._keep(worker), name=f"twofold:{name}")

    async def step(self) -> int:
        """One step of every worker, one after the other, in the order they were given; returns what they moved.

        For tests and tools that run without `start`. Raises what a step raises.
        """
        moved = 0
        for worker in self._workers.values():
            moved += await worker.step()
        return moved

    async def stop(self, drain_seconds: float | None = None) -> bool:
        """Let steps under way finish for at most *drain_seconds*, then cancel them. Repeating it does nothing.

        Returns True when every worker came to its end by itself.
        """
        self._stopping.set()
        for worker in self._workers.values():
            worker.stop()
        tasks = set(self._tasks.values())
        if not tasks:
            return True
        _, late = await asyncio.wait(tasks, timeout=self._drain_seconds if drain_seconds is None else drain_seconds)
        if late:
            await self._cancel(late)
        return not late

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker as it is now."""
        return tuple(worker.status() for worker in self._workers.values())

    def health(self, views: Iterable[ReaderStatus] = ()) -> Health:
        """The engine's health, together with that of the *views* that the caller knows.

        Live: no worker's task has ended that should be running. Ready: live, started, not stopping, and no worker
        is backing off or stopped.
        """
        statuses = self.statuses()
        live = all(not task.done() for task in self._tasks.values()) or self._stopping.is_set()
        well = all(status.state is State.RUNNING for status in statuses) or not self._tasks
        return Health(live, live and well and not self._stopping.is_set(), statuses, tuple(views))

    async def _keep(self, worker: Worker) -> None:
        while not self._stopping.is_set():
            try:
                await worker.run()
            except Exception as error:  # noqa: BLE001 - a worker that gave up is logged and started again
                worker.restarts += 1
                if self._restart.exhausted(worker.restarts):
                    _log.exception("worker %s gave up for good", worker.name)
                    return
                delay = self._restart.delay(worker.restarts, self._rng)
                _log.error("worker %s gave up (%s) and is started again in %.1f s", worker.name, error, delay)
                await self._pause(delay)

    async def _pause(self, delay: float) -> None:
        """Wait *delay* seconds, or until stopping."""
        waits = {asyncio.ensure_future(self._sleep(delay)), asyncio.ensure_future(self._stopping.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()

    async def _cancel(self, late: set[asyncio.Task[None]]) -> None:
        names = ", ".join(sorted(task.get_name().removeprefix("twofold:") for task in late))
        _log.warning("cancelled after the drain time: %s", names)
        for task in late:
            task.cancel()
        _, stuck = await asyncio.wait(late, timeout=CANCEL_SECONDS)
        if stuck:
            _log.error("workers that ignored their cancellation: %d", len(stuck))
