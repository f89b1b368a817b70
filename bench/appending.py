"""The log by itself: batches of writes, and streams read back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench import bare
from bench.domain import Account, app
from bench.result import Result, result, timed
from twofold.clock import Ids, SystemClock
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.write import StreamWrite, Write

BATCH = 10_000


def batches(events: int, size: int, streams: int, prefix: str) -> Iterator[list[Write]]:
    """Writes of ten events each, over *streams* streams in turn, *size* events a batch."""
    ids = Ids(SystemClock())
    versions = [0] * streams
    place = 0
    for _ in range(0, events, size):
        batch = []
        for _ in range(size // 10):
            stream, place = place % streams, place + 1
            new = tuple([NewEvent("MoneyDeposited", 1, bare.EVENT, ids.next()) for _ in range(10)])
            part = StreamWrite(f"Account-{prefix}{stream}", versions[stream], new)
            versions[stream] += 10
            batch.append(Write((part,), None, bare.ID, bare.ID, b"{}"))
        yield batch


async def append(folder: Path, events: int = 200_000) -> Result:
    """Bulk import: 10,000 events a transaction, in order, with every check."""
    made = list(batches(events, BATCH, 1000, "a"))
    async with app.open(f"sqlite:///{folder}/append.db", workers=False) as bank:
        times = []
        for batch in made:
            started = time.perf_counter()
            await bank.log.events.append(batch)
            times.append(time.perf_counter() - started)
    limit = bare.commands(folder / "append-bare.db", BATCH, events, 1000)
    return result(
        "append.batch.sqlite", events / sum(times), limit, times, "the limit writes an outcome row an event too"
    )


async def load(folder: Path, events: int = 10_000) -> list[Result]:
    """One aggregate of 10,000 events, folded from the log, and from a snapshot."""
    async with app.open(f"sqlite:///{folder}/load.db", workers=False) as bank:
        for batch in batches(events, 1000, 1, "long"):
            await bank.log.events.append(batch)
        times = await timed(9, lambda: bank.load(Account, "long0"))
        limit = bare.read_stream(folder / "load-bare.db", events)
        folded = result("load.10k.sqlite", 1 / sorted(times)[4], 1 / limit, times)
        repository, definition = bank._desk.repository, bank.catalog.aggregates["Account"]  # noqa: SLF001 - snapshots are made by a worker
        await repository.snapshot(definition, "Account-long0")
        times = await timed(200, lambda: bank.load(Account, "long0"))
        with bare.database(folder / "load.db") as connection:
            query, row = "SELECT version, data FROM snapshots WHERE stream = ?", ("Account-long0",)
            started = time.perf_counter()
            for _ in range(2000):
                connection.execute(query, row).fetchall()
            limit = 2000 / (time.perf_counter() - started)
        return [folded, result("load.10k.snapshot.sqlite", 1 / sorted(times)[100], limit, times)]
