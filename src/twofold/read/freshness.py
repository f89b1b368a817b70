"""Reading one's own writes: a token waits until the views that are asked have reached it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from twofold.errors import NotFreshError, OtherRowsError, TokenUnknownError, UnknownNameError
from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import decode_token
from twofold.read.progress import Progress
from twofold.read.source import Source, fault_of_mark
from twofold.read.view_store import Generation, Key

FIRST_LOOK = 0.005
LOOKS = 10
"""Every so many looks at how far a shard is are one at which generation is live: another process may promote one."""
KNOWN_TOKENS = 4096
"""How many tokens are remembered as this log's own; the past of a log does not change while it is open."""


class Tracked(Protocol):
    """What freshness needs to know of one shard of a view."""

    progress: Progress

    async def look(self) -> None:
        """Find out how far another process has brought it, if one runs it."""


class Projecting(Protocol):
    """What freshness needs to know of a projector."""

    def touched(self, key: Key | None = None) -> Sequence[Tracked]:
        """The shards that the row with this stored *key*, or any row, can be in; none before it was opened."""

    async def look(self) -> None:
        """Find out how far other processes have brought it; open it if nobody has."""

    def answers_from(self) -> Generation | None:
        """The generation that this code has to read; None: the live one. Raises NotFreshError while there is none."""


class Freshness:
    """Holds answers back until their views are as new as the caller's token.

    Args:
        source: the log, which tells its own tokens from others.
        projectors: by view name; a view without one is never fresh.
        wait: seconds to wait when the caller does not say.
        poll: longest time (seconds) between two looks at the store, for views that another process runs.
    """

    def __init__(
        self, source: Source, projectors: Mapping[str, Projecting], *, wait: float = 2.0, poll: float = 0.05
    ) -> None:
        self._source, self._projectors = source, projectors
        self._wait, self._poll = wait, poll
        self._known: dict[str, Mark] = {}
        self._looking: dict[Progress, asyncio.Task[None]] = {}

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
        projector = self._projectors.get(view)
        return projector is not None and bool(projector.touched())

    def names(self) -> tuple[str, ...]:
        """Every view and projector there is."""
        return tuple(self._projectors)

    async def found(self, views: Iterable[str]) -> None:
        """See that the store knows *views*, so that what is read of them has a checkpoint."""
        for view in views:
            if not self.has_found(view):
                await self._projector(view).look()

    async def look(self, views: Iterable[str]) -> None:
        """See which generations of *views* are live, and how far they are."""
        for view in views:
            await self._projector(view).look()

    async def live(self, views: Sequence[str], wait: float | None = None) -> None:
        """Return when this code can read the live rows of *views*, as whoever asks a store by their names does.

        Raises OtherRowsError after *wait* seconds; NotFreshError at once while there are none that it can read.
        """
        deadline = asyncio.get_running_loop().time() + (self._wait if wait is None else wait)
        await self.look(views)
        while others := [view for view in views if self.answers_from(view) is not None]:
            if asyncio.get_running_loop().time() >= deadline:
                raise OtherRowsError(
                    f"the live rows of {others[0]} were built by other code, with other fields",
                    f"promote those of this code (`twofold view promote {others[0]}`), or bring that code back",
                )
            await asyncio.sleep(self._poll)
            await self.look(views)

    def answers_from(self, view: str) -> Generation | None:
        """The generation of *view* that this code has to read; None: the live one.

        Raises NotFreshError while there is none that it can read.
        """
        return self._projector(view).answers_from()

    async def reach(
        self,
        views: Iterable[str],
        wanted: Mark,
        *,
        key: Key | None = None,
        wait: float | None = None,
        stale_ok: bool = False,
        missing: int = 0,
    ) -> bool:
        """Wait until all *views* have reached *wanted*: True then; False when time is up and *stale_ok*.

        With a stored *key* only that row counts. Raises NotFreshError when time is up, and at once for a view that is
        stopped short of it and for a row that is parked: it lacks what happened, and any row of the view may be it.
        Parked rows for which nothing waits from position *missing* on do not count.
        """
        deadline = asyncio.get_running_loop().time() + (self._wait if wait is None else wait)
        views = list(views)
        await self.found(views)
        for view in views:
            fault = await self._fault(view, wanted.position, key, deadline, missing)
            if fault is not None and not stale_ok:
                raise fault
            if fault is not None:
                return False
        return True

    async def _fault(
        self, view: str, wanted: int, key: Key | None, deadline: float, missing: int
    ) -> NotFreshError | None:
        """Why *view* has not reached *wanted*, once time is up or before; None once it has.

        When another generation takes over meanwhile, that one counts.
        """
        while True:
            shards, fault = [*self._projector(view).touched(key)], None
            for tracked in shards:
                await self._await(view, tracked, wanted, key, deadline)
                fault = await _late(view, tracked, wanted, key, missing)
                if fault is not None:
                    break
            if fault is None or shards == [*self._projector(view).touched(key)]:
                return fault

    async def _await(self, view: str, tracked: Tracked, position: int, key: Key | None, deadline: float) -> None:
        """Wait until a shard has reached *position*, has stopped, or is not asked any more, or time is up."""
        progress, loop, looks = tracked.progress, asyncio.get_running_loop(), 0
        look_after = FIRST_LOOK if progress.heard < position else 0.0
        while progress.position < position and progress.stopped is None:
            left = deadline - loop.time()
            if left > 0:
                await progress.moved(position, min(left, look_after))
            if progress.position < position:
                looks += 1
                await (self._look(tracked) if looks % LOOKS else self._projector(view).look())
            if left <= 0 or tracked not in self._projector(view).touched(key):
                break
            look_after = min(max(look_after * 2, FIRST_LOOK), self._poll)

    async def _look(self, tracked: Tracked) -> None:
        """Look how far others have brought it; those who wait at the same time share one look."""
        looking = self._looking.get(tracked.progress)
        if looking is None:
            looking = self._looking[tracked.progress] = asyncio.create_task(tracked.look(), name="twofold:look")
            looking.add_done_callback(partial(self._looked, tracked.progress))
        await asyncio.shield(looking)

    def _looked(self, progress: Progress, look: asyncio.Task[None]) -> None:
        del self._looking[progress]
        if not look.cancelled():
            look.exception()  # those who still wait are told by the task itself

    def hear(self, view: str, generation: int, position: int) -> None:
        """A shard of that generation of *view* is said to have reached *position*."""
        projector = self._projectors.get(view)
        for tracked in projector.touched() if projector is not None else ():
            if tracked.progress.generation == generation:
                tracked.progress.hear(position)

    async def mark(self, views: Iterable[str]) -> Mark:
        """The lowest checkpoint of *views*, or the log's head when there are none."""
        marks = [progress.mark for progress in self.progresses(views) if progress.mark is not None]
        return min(marks, key=lambda mark: mark.position) if marks else await self._source.mark()

    def is_older(self, mark: Mark, wanted: int) -> bool:
        """Whether what was read with the checkpoint *mark* is older than the position *wanted*, or of another log."""
        return mark.position < wanted or (wanted > 0 and mark.epoch != self._source.epoch)

    def is_plain(self, view: str, key: Key) -> bool:
        """Whether the row with this stored *key* can be read just so: its view is known, and nothing is parked."""
        projector = self._projectors.get(view)
        tracked = projector.touched(key) if projector is not None else ()
        for each in tracked:
            if each.progress.parked:
                return False
        return bool(tracked)

    def lacking(self, views: Iterable[str], key: Key | None = None) -> int | None:
        """From which position on the row with this stored *key*, or any row, lacks what happened, being parked."""
        found: int | None = None
        for view in views:
            for tracked in self._projector(view).touched(key):
                since = tracked.progress.parked_since(key) if tracked.progress.parked else None
                found = since if found is None or (since is not None and since < found) else found
        return found

    async def as_of(self, mark: Mark, *lacking: int | None) -> Mark:
        """What an answer is as of that was read with the checkpoint *mark*, and may be *lacking* what came later."""
        first = min((position for position in lacking if position is not None), default=None)
        if first is None or first > mark.position or mark.epoch != self._source.epoch:
            return mark
        return await self._source.mark(first - 1)

    def progresses(self, views: Iterable[str]) -> list[Progress]:
        """How far each shard of each of *views* is."""
        return [tracked.progress for view in views for tracked in self._projector(view).touched()]

    def _projector(self, view: str) -> Projecting:
        found = self._projectors.get(view)
        if found is None:
            raise UnknownNameError("view", view, tuple(self._projectors))
        return found


async def _late(view: str, tracked: Tracked, wanted: int, key: Key | None, missing: int) -> NotFreshError | None:
    """Why a row lacks something up to *wanted*: its shard is not that far, or it is parked; None: it lacks nothing."""
    progress = tracked.progress
    if progress.position < wanted:
        return NotFreshError(view, progress.position, wanted, progress.stopped or "")
    since = progress.parked_since(key, missing)
    if since is None or since > wanted:
        return None
    await tracked.look()
    since = progress.parked_since(key, missing)
    return None if since is None or since > wanted else NotFreshError(view, since - 1, wanted, parked_since=since)
