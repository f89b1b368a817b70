"""Clients that go on through outages, offering the same writes until they are answered, and keep a history of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from tests.faults.history import Line, random_write, tried
from twofold.errors import UnavailableError
from twofold.event_store.store import EventStore, Log
from twofold.event_store.write import Appended, Replayed, Write, WriteResult

BACK_OFF = 0.01


class Progress:
    """Counts what was acknowledged, and what failed before; lets others wait for more."""

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0
        self._grown = asyncio.Condition()

    async def add(self) -> None:
        async with self._grown:
            self.count += 1
            self._grown.notify_all()

    async def reach(self, count: int) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: self.count >= count)


async def work_until(
    is_over: asyncio.Event, log: Log, rng: random.Random, note: Callable[[Line], None], client: str, progress: Progress
) -> None:
    """As `history.work` does, but a batch is offered again until it is answered."""
    number = 0
    while not is_over.is_set():
        number += 1
        batch = [random_write(rng, client) for _ in range(rng.randint(1, 4))]
        name = f"{client}-{number}"
        note({"try": name, "writes": [tried(write) for write in batch]})
        results = await insist(log.events, batch, progress)
        note({"ack": name, "results": [told(result) for result in results]})
        await progress.add()


async def insist(events: EventStore, batch: Sequence[Write], progress: Progress) -> list[WriteResult]:
    while True:
        try:
            return await events.append(batch)
        except UnavailableError:
            progress.failures += 1
            await asyncio.sleep(BACK_OFF)


def told(result: WriteResult) -> list[int]:
    """Where the write stands; one that was stored although its answer was lost is replayed."""
    if isinstance(result, Replayed):
        return [result.first.first, result.first.position]
    assert isinstance(result, Appended), result
    return [result.first, result.position]


async def follow_until(is_over: asyncio.Event, log: Log) -> list[int]:
    """Every position that one reader sees, through outages, until nothing is left after the end."""
    seen: list[int] = []
    reached = 0
    while True:
        was_over = is_over.is_set()
        try:
            await log.events.wait(reached, 0.05)
            page = await log.events.read_log(reached, limit=50)
        except UnavailableError:
            await asyncio.sleep(BACK_OFF)
            continue
        seen += [at.position for at in page.events]
        reached = page.reached
        if was_over and page.at_head:
            return seen
