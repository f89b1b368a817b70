"""State-stored handlers: an order, its two items, the event and the outcome, a transaction a command."""

from __future__ import annotations

import asyncio
import time

from bench.orders import TABLES, PlaceOrder, orders_in
from bench.result import Result, result
from bench.store import Store

CONNECTIONS = 10
"""As many as a pool of twofold's opens."""


async def run(store: Store, callers: int, total: int) -> Result:
    """*total* orders by *callers* at once; the limit has a transaction each too, on as many connections."""
    url = store.url("units")
    times: list[float] = []
    async with orders_in(store.name).open(url, workers=False) as shop:
        await store.script(url, TABLES)
        numbers = iter(range(total))

        async def caller() -> None:
            for number in numbers:
                started = time.perf_counter()
                await shop.send(PlaceOrder(order_id=number, customer="ada"))
                times.append(time.perf_counter() - started)

        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        spent = time.perf_counter() - started
    limit = await store.limits.units(min(callers, CONNECTIONS), total)
    return result(f"units.{'one' if callers == 1 else callers}.{store.name}", total / spent, limit, times)
