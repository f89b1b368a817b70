"""Whether costs stay flat as history grows: the same figures at each size, beside those at the first."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count

from bench.commands import deposits, open_accounts
from bench.domain import Account, app
from bench.history import BATCH, RUN, fill, writes
from bench.result import Result, result, timed
from bench.store import Store
from bench.views import reads_of
from twofold import OpenApp

SIZES = (10_000, 1_000_000, 3_000_000)
LONG = (*SIZES, 10_000_000)
CALLERS = 64
ROUNDS = 5
"""The best counts: what else the machine does is not of interest here."""
Figure = tuple[str, float, Sequence[float]]


async def flat(store: Store, sizes: Sequence[int] = SIZES) -> AsyncIterator[Result]:
    """Grow one log to each of *sizes* events, in streams of ten that are a row each, each event with a keyed outcome.

    The limit of a line is the same line at the first size.
    """
    first: dict[str, float] = {}
    url = store.url("flat")
    async with app.open(url, workers=False) as bank:
        held = 0
        for size in sizes:
            async for name, rate, times in _figures(bank, store, url, size, size - held):
                note = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB at most"
                limit = first.setdefault(name, rate)
                yield result(f"flat.{name}.{store.name}@{_short(size)}", rate, limit, times, note)
            held = size


async def _figures(bank: OpenApp, store: Store, url: str, size: int, more: int) -> AsyncIterator[Figure]:
    prefix, rows = f"f{size}x", more // RUN
    started = time.perf_counter()
    await fill(bank, more, rows, prefix, outcomes=True)
    yield "load", more / (time.perf_counter() - started), ()
    started = time.perf_counter()
    while await bank.projectors["AccountPage"].step():
        pass
    yield "catchup", more / (time.perf_counter() - started), ()
    await store.settle(url)
    times = min([await reads_of(bank, prefix, rows, 3000) for _ in range(ROUNDS)], key=sum)
    yield "view.get", len(times) / sum(times), times
    streams = count()
    times = await timed(1000, lambda: bank.load(Account, f"{prefix}{next(streams) * 7919 % rows}"))
    yield "load.aggregate", len(times) / sum(times), times
    await open_accounts(bank, CALLERS)
    for keyed in (False, True):
        tries = [await deposits(bank, CALLERS, 200, keyed=keyed, tag=f"{size} {n}") for n in range(ROUNDS)]
        times, seconds = min(tries, key=lambda each: each[1])
        yield f"commands.64{'.keyed' if keyed else ''}", len(times) / seconds, times
    times = []
    for batch in writes(10 * BATCH, 1000, f"{prefix}a"):
        started = time.perf_counter()
        await bank.log.events.append(batch)
        times.append(time.perf_counter() - started)
    yield "append", len(times) * BATCH / sum(times), times


def _short(size: int) -> str:
    return f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1000}k"
