"""Several processes on one database: what they do together, beside as many that use the bare driver."""

from __future__ import annotations

import asyncio
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
import msgspec

from bench.bare_postgres import TABLES
from bench.domain import app
from bench.result import Result, result
from bench.store import Store
from bench.views import send_steadily

CALLERS = 64


class Report(msgspec.Struct):
    """What a process says at its end. Moments are those of a clock that all processes of a machine share."""

    started: float = 0.0
    ended: float = 0.0
    times: list[float] = []
    reached: list[tuple[int, float]] = []


class Spawned(NamedTuple):
    """A process that is ready, and waits to be told to begin."""

    process: asyncio.subprocess.Process

    async def report(self) -> Report:
        """Let it begin, or end if it has begun, and hear what it says."""
        said, _ = await self.process.communicate(b"go\n")
        return msgspec.json.decode(said, type=Report)


async def commands(store: Store, processes: int, each: int) -> Result:
    """*each* deposits a process by 64 callers, all on accounts of their own."""
    url = store.url("processes")
    async with app.open(url, workers=False):
        rate, times = await _together("commands", url, processes, each)
    bare = store.url("bare")
    connection = await asyncpg.connect(bare)
    await connection.execute(TABLES)
    await connection.close()
    limit, _ = await _together("bare", bare, processes, each)
    return result(f"commands.processes.{processes}.{store.name}", rate, limit, times)


async def lag(store: Store, rate: int = 5000, seconds: float = 4.0) -> Result:
    """From commit to row when another process folds, and hears of commits by NOTIFY; the limit is the asked rate."""
    url = store.url("lag")
    committed: list[tuple[int, float]] = []

    async def sent(position: int) -> None:
        committed.append((position, time.perf_counter()))

    async with app.open(url, workers=False) as bank, spawned("projector", url, 0, 0) as projector:
        spent = await send_steadily(bank, rate, seconds, sent)
        await asyncio.sleep(1)
        report = await projector.report()
    times = _lags(committed, report.reached)
    note = "times are from commit to row, folded in another process"
    return result(f"project.lag.processes.{store.name}", len(times) / spent, rate, times, note)


def _lags(committed: Sequence[tuple[int, float]], reached: Sequence[tuple[int, float]]) -> list[float]:
    positions = [position for position, _ in reached]
    return [max(0.0, reached[bisect_left(positions, position)][1] - moment) for position, moment in committed]


async def _together(role: str, url: str, processes: int, each: int) -> tuple[float, list[float]]:
    """Commands a second by all of them, from the first's start to the last's end; and seconds of each command."""
    async with asyncio.timeout(300):
        ready = [await _spawn(role, url, number, each) for number in range(processes)]
        reports = await asyncio.gather(*(one.report() for one in ready))
    spent = max(report.ended for report in reports) - min(report.started for report in reports)
    return processes * each / spent, [seconds for report in reports for seconds in report.times]


@asynccontextmanager
async def spawned(role: str, url: str, number: int, each: int) -> AsyncIterator[Spawned]:
    one = await _spawn(role, url, number, each)
    try:
        yield one
    finally:
        if one.process.returncode is None:
            one.process.kill()
            await one.process.wait()


async def _spawn(role: str, url: str, number: int, each: int) -> Spawned:
    arguments = (role, url, str(number), str(each))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.process", *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    if await process.stdout.readline() != b"ready\n":
        raise RuntimeError(f"process {number} ({role}) did not come up")
    return Spawned(process)
