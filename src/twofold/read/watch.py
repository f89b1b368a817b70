"""Live answers: asked again when their views have moved, handed on when they differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from twofold.read.answer import Answer
from twofold.read.progress import Progress

R = TypeVar("R")


async def watch(
    ask: Callable[[], Awaitable[Answer[R]]],
    progresses: Callable[[], Sequence[Progress]],
    *,
    pause: float = 0.05,
    poll: float = 1.0,
) -> AsyncIterator[Answer[R]]:
    """The answer, and again each time that the checkpoint of a view it depends on moved and it came out differently.

    Args:
        ask: gives the answer of now.
        progresses: gives those of the views' shards.
        pause: least seconds between two questions, so that a busy view is not asked on every batch.
        poll: longest seconds between two questions, for views that another process runs.
    """
    last: Answer[R] | None = None
    while True:
        seen = _places(progresses())
        answer = await ask()
        if last is None or answer.value != last.value:
            yield answer
        last = answer
        await asyncio.sleep(pause)
        await _any_moved(seen or _places(progresses()), poll)


def _places(progresses: Sequence[Progress]) -> list[tuple[Progress, int]]:
    return [(progress, progress.position) for progress in progresses]


async def _any_moved(seen: Sequence[tuple[Progress, int]], timeout: float) -> None:
    waits = [asyncio.ensure_future(progress.moved(position + 1, timeout)) for progress, position in seen]
    if not waits:
        await asyncio.sleep(timeout)
        return
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()
