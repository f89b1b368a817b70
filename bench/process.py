"""One of several processes: `python -m bench.process commands|bare|projector URL NUMBER EACH`."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable

import msgspec
import uvloop

from bench.bare_postgres import connected, insert_commands
from bench.commands import deposits, open_accounts
from bench.domain import app
from bench.processes import CALLERS, Report
from bench.views import caught_up, progress_of


async def commands(url: str, number: int, each: int) -> Report:
    """*each* deposits by 64 callers, on accounts of this process alone."""
    prefix = f"p{number}c"
    async with app.open(url, workers=False) as bank:
        await open_accounts(bank, CALLERS, prefix)
        await deposits(bank, CALLERS, max(1, each // CALLERS // 5), prefix=prefix)
        await told()
        started = time.perf_counter()
        times, _ = await deposits(bank, CALLERS, each // CALLERS, prefix=prefix)
        return Report(started, time.perf_counter(), times)


async def bare(url: str, number: int, each: int) -> Report:
    """*each* events and outcomes, 64 a statement."""
    async with connected(url) as connection:
        await told()
        started = time.perf_counter()
        await insert_commands(connection, CALLERS, range(number * each, (number + 1) * each, CALLERS), CALLERS)
        return Report(started, time.perf_counter())


async def projector(url: str, _number: int, _each: int) -> Report:
    """Folds until told to end, and says when it had reached which position."""
    reached: list[tuple[int, float]] = []
    async with app.open(url) as bank:
        await caught_up(bank)
        progress = progress_of(bank)
        ending = asyncio.create_task(told())
        while not ending.done():
            await progress.moved(progress.position + 1, 0.5)
            reached.append((progress.position, time.perf_counter()))
    return Report(reached=reached)


async def told() -> None:
    """Say that this process is ready, and wait for the word."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


ROLES: dict[str, Callable[[str, int, int], Awaitable[Report]]] = {
    "commands": commands,
    "bare": bare,
    "projector": projector,
}


async def main() -> None:
    """Play the role."""
    role, url, number, each = sys.argv[1:]
    report = await ROLES[role](url, int(number), int(each))
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    gc.freeze()
    uvloop.run(main())
