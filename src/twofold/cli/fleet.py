"""Keeps several processes of one program running: starts them, starts again what ended, and stops them all."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from twofold.cli.exits import CHECK_FAILED, OK, UNHEALTHY, USAGE
from twofold.retry import RetryPolicy
from twofold.runtime.signals import stop_signals

RESTART = RetryPolicy(first_delay=0.2, max_delay=30.0)
PROVEN_SECONDS = 60.0
"""A process that ran for so long is started again without delay, as if it had never failed."""
GRACE_SECONDS = 5.0
"""What a process gets beyond its own drain time before it is killed."""
_HOPELESS = (CHECK_FAILED, USAGE)
_ORDERLY = (OK, -signal.SIGTERM)  # one that is only just starting has no drain yet


class Program(NamedTuple):
    """What every process runs: `arguments`, to which each one's `--number` and `--lifeline` are added."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int]


class Fleet:
    """*count* processes of *program*.

    Args:
        program: what they run.
        count: how many.
        drain_seconds: how long one may take to end when it is asked to.
        ready: called once, when the first one is ready.
        told: called with what happens to them, in words.
        restart: how long to wait before a process that ended is started again.
    """

    def __init__(
        self,
        program: Program,
        count: int,
        *,
        drain_seconds: float,
        ready: Callable[[], None],
        told: Callable[[str], None],
        restart: RetryPolicy = RESTART,
    ) -> None:
        self._program = program
        self._count = count
        self._drain_seconds = drain_seconds
        self._ready = ready
        self._told = told
        self._restart = restart
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._stopping = asyncio.Event()
        self._first_is_ready = asyncio.Event()
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self.code = OK

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT, then let all of them finish; returns the exit code for all of it.

        The first one starts alone, so that what is wrong with the app or the store is said once. A process that was
        ready once is started again when it ends, for ever, after a growing pause. One that ends
        before that because of what no second try can mend ends all the others, and so does one whose store does not
        answer while none has been ready yet.
        """
        with stop_signals(self._stopping.set):
            keeping = [asyncio.create_task(self._keep(number)) for number in range(1, self._count + 1)]
            await self._stopping.wait()
            await self._stop(keeping)
        return self.code

    async def _keep(self, number: int) -> None:
        failures = 0
        if number > 1:
            await self._first_is_ready.wait()
        while not self._stopping.is_set():
            begun = time.monotonic()
            code, was_ready = await self._run_one(number)
            if self._stopping.is_set():
                self.code = self.code or (OK if code in _ORDERLY else UNHEALTHY)
                return
            if not was_ready and (code in _HOPELESS or not self._first_is_ready.is_set()) and code > 0:
                self._give_up(code)
                return
            failures = 1 if time.monotonic() - begun > PROVEN_SECONDS else failures + 1
            delay = self._restart.delay(failures, self._rng)
            self._told(f"process {number} ended {_how(code)}; it is started again in {delay:.1f} s")
            await self._pause(delay)

    async def _run_one(self, number: int) -> tuple[int, bool]:
        """One life of a process: its exit code, and whether it was ready before."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        was_ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self._program.arguments,
                    *("--number", str(number), "--lifeline", str(theirs.fileno())),
                    env=dict(self._program.environment),
                    pass_fds=[theirs.fileno(), *self._program.descriptors],
                )
            self._running[number] = process
            loop.add_reader(ours, self._heard, ours, number, process.pid, was_ready)
            if self._stopping.is_set():
                process.terminate()
            code = await process.wait()
        finally:
            self._running.pop(number, None)
            loop.remove_reader(ours)
            ours.close()
        return code, was_ready.is_set()

    def _heard(self, line: socket.socket, number: int, pid: int, was_ready: asyncio.Event) -> None:
        if not line.recv(1):
            asyncio.get_running_loop().remove_reader(line)
            return
        was_ready.set()
        self._told(f"process {number} is ready (pid {pid})")
        if not self._first_is_ready.is_set():
            self._first_is_ready.set()
            self._ready()

    def _give_up(self, code: int) -> None:
        self.code = code
        self._stopping.set()

    async def _stop(self, keeping: Sequence[asyncio.Task[None]]) -> None:
        """Ask all of them to end; those that do not in time are killed."""
        self._first_is_ready.set()
        for process in self._running.values():
            process.terminate()
        _, late = await asyncio.wait(keeping, timeout=self._drain_seconds + GRACE_SECONDS)
        if late:
            self._told(f"{len(self._running)} processes did not end in time and are killed")
            self.code = UNHEALTHY
            for process in self._running.values():
                process.kill()
        await asyncio.gather(*keeping)

    async def _pause(self, delay: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), delay)
        except TimeoutError:
            return


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
