"""Reading one's own writes: a token waits until the views that are asked have reached it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from twofold.errors import NotFreshError, TokenUnknownError, UnknownNameError
from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import decode_token
from twofold.read.progress import Progress
from twofold.read.source import Source, fault_of_mark

FIRST_LOOK = 0.005
KNOWN_TOKENS = 4096
"""How many tokens are remembered as this log's own; the past of a log does not change while it is open."""


class Tracked(Protocol):
    """What freshness needs to know of a projector."""

    progress: Progress

    async def look(self) -> None:
        """Find out how far another process has brought it, if one runs it."""


class Freshness:
    """Holds answers back until their views are as new as the caller's token.

    Args:
        source: the log, which tells its own tokens from others.
        projectors: by view name; a view without one is never fresh.
        wait: seconds to wait when the caller does not say.
        poll: longest time (seconds) between two looks at the store, for views that another process runs.
    """

    def __init__(
        self, source: Source, projectors: Mapping[str, Tracked], *, wait: float = 2.0, poll: float = 0.05
    ) -> None:
        self._source, self._projectors = source, projectors
        self._wait, self._poll = wait, poll
        self._known: dict[str, Mark] = {}

    async def wanted(self, token: str) -> Mark:
        """The mark behind *token*. Raises TokenUnknownError, at once, for one of another log or ahead of this one."""
        known = self._known.get(token)
        if known is not None:
            return known
        mark = decode_token(token)
        fault = await fault_of_mark(self._source, mark)
        if fault is not None:
            raise TokenUnknownError(f"the token cannot be used: {fault}")
        if len(self._known) >= KNOWN_TOKENS:
            self._known.clear()
        self._known[token] = mark
        return mark

    def has_found(self, view: str) -> bool:
        """Whether the store is known to know *view*."""
        tracked = self._projectors.get(view)
        return tracked is not None and tracked.progress.mark is not None

    async def found(self, views: Iterable[str]) -> None:
        """See that the store knows *views*, so that what is read of them has a checkpoint."""
        for view in views:
            tracked = self._tracked(view)
            if tracked.progress.mark is None:
                await tracked.look()

    async def reach(
        self, views: Iterable[str], wanted: Mark, *, wait: float | None = None, stale_ok: bool = False
    ) -> bool:
        """Wait until all *views* have reached *wanted*: True then; False when time is up and *stale_ok*.

        Raises NotFreshError when time is up, and at once for a view that is stopped short of it.
        """
        deadline = asyncio.get_running_loop().time() + (self._wait if wait is None else wait)
        for view in views:
            tracked = self._tracked(view)
            if tracked.progress.position >= wanted.position or await self._await(tracked, wanted.position, deadline):
                continue
            if not stale_ok:
                why = tracked.progress.stopped or ""
                raise NotFreshError(view, tracked.progress.position, wanted.position, why)
            return False
        return True

    async def _await(self, tracked: Tracked, position: int, deadline: float) -> bool:
        progress, loop, look_after = tracked.progress, asyncio.get_running_loop(), FIRST_LOOK
        while progress.position < position and progress.stopped is None:
            left = deadline - loop.time()
            if left > 0:
                await progress.moved(position, min(left, look_after))
            if progress.position < position:
                await tracked.look()
            if left <= 0:
                break
            look_after = min(look_after * 2, self._poll)
        return progress.position >= position

    async def mark(self, views: Iterable[str]) -> Mark:
        """The lowest checkpoint of *views*, or the log's head when there are none."""
        marks = [mark for view in views if (mark := self._tracked(view).progress.mark) is not None]
        return min(marks, key=lambda mark: mark.position) if marks else await self._source.mark()

    def progresses(self, views: Iterable[str]) -> list[Progress]:
        """How far each of *views* is."""
        return [self._tracked(view).progress for view in views]

    def _tracked(self, view: str) -> Tracked:
        found = self._projectors.get(view)
        if found is None:
            raise UnknownNameError("view", view, tuple(self._projectors))
        return found
