"""Cancels a call at each place where it waits, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def cancelled_after(task: asyncio.Task[Any], turns: int) -> bool:
    """Cancel *task* after that many turns of the loop; whether it had ended by itself."""
    for _ in range(turns):
        await asyncio.sleep(0)
    is_done = task.done()
    task.cancel()
    await asyncio.wait((task,))
    return is_done


async def swept(send: Callable[[int], Awaitable[Any]], check: Callable[[], Awaitable[None]]) -> int:
    """Cancel a sending after 0, 1, 2, ... turns of the loop until it ends before that; how many times that was."""
    n = 0
    while not await cancelled_after(asyncio.ensure_future(send(n)), n):
        await check()
        n += 1
        assert n < 5_000
    return n
