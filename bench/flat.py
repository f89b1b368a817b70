"""Whether costs stay flat as history grows: a log that grows beside one that does not, figure by figure in turn."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from typing import NamedTuple

from bench.commands import deposits, open_accounts
from bench.domain import Account, app
from bench.history import BATCH, RUN, fill, writes
from bench.result import Result, result, timed
from bench.store import Store
from bench.views import reads_of
from twofold import Config, OpenApp

SMALL = 10_000
SIZES = (1_000_000, 3_000_000)
LONG = (*SIZES, 10_000_000)
CALLERS = 64
ROUNDS = 7
STEPPED = Config(lease_seconds=3600.0)
"""Leases are renewed by steps, and the benches make theirs when they want to."""


class Side(NamedTuple):
    """A log, what its streams' names begin with, how many rows they are, and which round it is."""

    bank: OpenApp
    prefix: str
    rows: int
    round: int


Figure = Callable[[Side], Awaitable[tuple[float, Sequence[float]]]]


async def flat(store: Store, sizes: Sequence[int] = SIZES) -> AsyncIterator[Result]:
    """Grow a log to each of *sizes* events, in streams of ten that are a row each, each event with a keyed outcome.

    The limit of a line is the same done to a log of 10,000 events, in turn with it: what else the machine does at the
    time is the same for both. The round in the middle counts.
    """
    url, held = store.url("flat"), 0
    async with app.open(url, config=STEPPED, workers=False) as bank:
        for size in sizes:
            prefix, more = f"f{size}x", size - held
            await _grow(bank, more, prefix)
            held = size
            small_url = store.url(f"small{size}")
            async with app.open(small_url, config=STEPPED, workers=False) as small:
                await _grow(small, SMALL, "f")
                await store.settle(small_url)
                await store.settle(url)
                for name, figure in FIGURES.items():
                    sides = [
                        (Side(small, "f", SMALL // RUN, n), Side(bank, prefix, more // RUN, n)) for n in range(ROUNDS)
                    ]
                    rate, limit, times = await _in_turn(figure, sides)
                    note = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB at most"
                    yield result(f"flat.{name}.{store.name}@{size // 1_000_000}m", rate, limit, times, note)


async def _grow(bank: OpenApp, events: int, prefix: str) -> None:
    await fill(bank, events, events // RUN, prefix, outcomes=True)
    await bank.run_until_idle()
    await open_accounts(bank, CALLERS)


async def _in_turn(figure: Figure, sides: Sequence[tuple[Side, Side]]) -> tuple[float, float, Sequence[float]]:
    """What *figure* is of the second of each two, of the first, and single times; from the round in the middle."""
    rounds = []
    for small, grown in sides:
        limit, _ = await figure(small)
        rate, times = await figure(grown)
        rounds.append((rate / limit, rate, limit, times))
    rounds.sort(key=lambda each: each[0])
    return rounds[len(rounds) // 2][1:]


async def _load(side: Side) -> tuple[float, Sequence[float]]:
    started = time.perf_counter()
    await fill(side.bank, BATCH, BATCH // RUN, f"{side.prefix}l{side.round}x", outcomes=True)
    return BATCH / (time.perf_counter() - started), ()


async def _catch_up(side: Side) -> tuple[float, Sequence[float]]:
    await side.bank.run_until_idle()
    await fill(side.bank, 2 * BATCH, BATCH // RUN, f"{side.prefix}u{side.round}x")
    started = time.perf_counter()
    await side.bank.run_until_idle()
    return 2 * BATCH / (time.perf_counter() - started), ()


async def _get(side: Side) -> tuple[float, Sequence[float]]:
    times = await reads_of(side.bank, side.prefix, side.rows, 2000)
    return len(times) / sum(times), times


async def _aggregate(side: Side) -> tuple[float, Sequence[float]]:
    streams = count(side.round * 500)
    times = await timed(500, lambda: side.bank.load(Account, f"{side.prefix}{next(streams) * 7919 % side.rows}"))
    return len(times) / sum(times), times


async def _commands(side: Side, *, keyed: bool = False) -> tuple[float, Sequence[float]]:
    tag = f"{side.prefix} {side.round}"
    times, seconds = await deposits(side.bank, CALLERS, 100, keyed=keyed, tag=tag)
    return len(times) / seconds, times


async def _append(side: Side) -> tuple[float, Sequence[float]]:
    [batch] = writes(BATCH, 1000, f"{side.prefix}a{side.round}x")
    started = time.perf_counter()
    await side.bank.log.events.append(batch)
    return BATCH / (time.perf_counter() - started), ()


FIGURES: dict[str, Figure] = {
    "view.get": _get,
    "load.aggregate": _aggregate,
    "commands.64": _commands,
    "commands.64.keyed": lambda side: _commands(side, keyed=True),
    "append": _append,
    "load": _load,
    "catchup": _catch_up,
}
