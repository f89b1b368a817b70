"""A view built again beside the live one: how fast, and what those who read it meanwhile notice."""

from __future__ import annotations

import asyncio
import time

from bench.domain import app
from bench.history import fill
from bench.result import Result, result
from bench.store import Store
from bench.views import VIEW, caught_up, lags
from twofold import OpenApp

ROWS = 10_000
LOOK = 0.02


async def rebuild(store: Store, events: int) -> Result:
    """From the command to the new generation answering, over *events* events of 10,000 rows; nothing else goes on."""
    url = store.url("rebuild")
    await _built(store, url, events)
    async with app.open(url) as bank:
        await caught_up(bank)
        started = time.perf_counter()
        made = await bank.operations.rebuild(VIEW)
        while await _live(bank) != made.number:  # noqa: ASYNC110 - it may be another process that does it
            await asyncio.sleep(LOOK)
        seconds = time.perf_counter() - started
    limit = await store.limits.fold(url, 2000)
    return result(f"rebuild.{events // 1_000_000}m.{store.name}", events / seconds, limit)


async def lag(store: Store, history: int = 1_000_000, rate: int = 5000, seconds: float = 4.0) -> Result:
    """From commit to row of the live generation while another is built and commands come in, as `views.lag`."""
    url = store.url("rebuild-lag")
    await _built(store, url, history)
    async with app.open(url) as bank:
        await caught_up(bank)
        before = await _live(bank)
        await bank.operations.rebuild(VIEW)
        times, spent = await lags(bank, rate, seconds)
        is_over = await _live(bank) != before
    note = "times are from commit to row" + (", partly after the rebuild" if is_over else " while a rebuild runs")
    return result(f"rebuild.lag.{store.name}", len(times) / spent, rate, times, note)


async def _built(store: Store, url: str, events: int) -> None:
    """A log of *events* events, all folded once."""
    async with app.open(url, workers=False) as bank:
        await fill(bank, events, ROWS)
    async with app.open(url) as bank:
        await caught_up(bank)
    await store.settle(url)


async def _live(bank: OpenApp) -> int:
    live = (await bank.operations.sight(VIEW)).live
    assert live is not None
    return live.generation.number
