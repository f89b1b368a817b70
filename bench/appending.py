"""The log by itself: batches of writes, whole logs, and streams read back."""

from __future__ import annotations

import time

from bench.domain import Account, app
from bench.history import BATCH, fill, recorded, writes
from bench.result import Result, result, timed
from bench.store import Store


async def append(store: Store, events: int = 200_000) -> Result:
    """`EventStore.append`: 10,000 events a transaction, in order, with every check."""
    made = list(writes(events, 1000, "a"))
    times = []
    async with app.open(store.url("append"), workers=False) as bank:
        for batch in made:
            started = time.perf_counter()
            await bank.log.events.append(batch)
            times.append(time.perf_counter() - started)
    limit = await store.limits.append(BATCH, events)
    return result(f"append.batch.{store.name}", events / sum(times), limit, times)


async def load_log(store: Store, events: int = 200_000) -> Result:
    """`Bulk.load`, as imports use it: 10,000 events a transaction, in order, under the writers' lock."""
    made = list(recorded(0, events, 1000, "a"))
    times = []
    async with app.open(store.url("bulk"), workers=False) as bank:
        for batch in made:
            started = time.perf_counter()
            await bank.log.bulk.load(batch, [])
            times.append(time.perf_counter() - started)
    limit = await store.limits.append(BATCH, events)
    return result(f"append.bulk.{store.name}", events / sum(times), limit, times)


async def load(store: Store, events: int = 10_000) -> list[Result]:
    """One aggregate of 10,000 events, folded from the log, and from a snapshot."""
    url = store.url("load")
    async with app.open(url, workers=False) as bank:
        await fill(bank, events, 1, "long")
        times = await timed(9, lambda: bank.load(Account, "long0"))
        limit = await store.limits.read_stream(events)
        folded = result(f"load.10k.{store.name}", 1 / sorted(times)[4], 1 / limit, times)
        repository, definition = bank._desk.repository, bank.catalog.aggregates["Account"]  # noqa: SLF001 - snapshots are made by a worker
        await repository.snapshot(definition, "Account-long0")
        times = await timed(1000, lambda: bank.load(Account, "long0"))
        limit = await store.limits.snapshots(url, "Account-long0", 2000)
        return [folded, result(f"load.10k.snapshot.{store.name}", 1 / sorted(times)[500], limit, times)]
