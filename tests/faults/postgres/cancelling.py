"""Cancels a call at each place where it awaits something, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any

MOST = 1_000


@coroutine
def interrupted_at(
    await_number: int, inner: Coroutine[Any, Any, Any], act: Callable[[], object]
) -> Generator[Any, Any, Any]:
    """Run *inner* in this task, and *act* while it awaits for the given time (from 1)."""
    answer: Any = None
    error: BaseException | None = None
    for number in range(1, 1_000_000):
        try:
            waits_for = inner.send(answer) if error is None else inner.throw(error)
        except StopIteration as end:
            return end.value
        if number == await_number:
            act()
        try:
            answer, error = (yield waits_for), None
        except BaseException as thrown:  # noqa: BLE001 - whatever it is, it is for the inner one
            answer, error = None, thrown
    return None


async def swept(run: Callable[[int], Coroutine[Any, Any, Any]], check: Callable[[], Awaitable[None]]) -> int:
    """Run it again and again, cancelled at its 1st, 2nd, 3rd, ... await, until it ends before; how often that was."""
    for number in range(1, MOST):
        try:
            await asyncio.ensure_future(as_task(interrupted_at(number, run(number), cancel_this_task)))
        except asyncio.CancelledError:
            await check()
        else:
            await check()
            return number - 1
    raise AssertionError(f"it still awaits something after {MOST} awaits")


def cancel_this_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def as_task(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
