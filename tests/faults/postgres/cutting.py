"""Cuts the connections of a pool at each place where a call awaits something, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tests.faults.postgres.cancelling import MOST, as_task, interrupted_at
from twofold.adapters.postgres.database import Database
from twofold.errors import StoreUnavailableError


def cut(database: Database) -> None:
    """Break every connection of the pool, as when a cable is pulled: no goodbye, and the proxies answer nothing."""
    pool: Any = database._pool
    for holder in pool._holders:
        if holder._con is not None:
            holder._con._transport.abort()


async def swept(
    database: Database, run: Callable[[], Coroutine[Any, Any, Any]], check: Callable[[], Awaitable[Any]]
) -> int:
    """Run it again and again, cut at its 1st, 2nd, 3rd, ... await, until it ends before; how often it failed.

    Whatever else than StoreUnavailableError it raises comes out.
    """
    failures = 0
    for number in range(1, MOST):
        reached = False

        def act() -> None:
            nonlocal reached
            reached = True
            cut(database)

        try:
            await asyncio.ensure_future(as_task(interrupted_at(number, run(), act)))
        except StoreUnavailableError:
            failures += 1
        await check()
        if not reached:
            return failures
    raise AssertionError(f"it still awaits something after {MOST} awaits")
