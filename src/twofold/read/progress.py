"""Where one view is, and who waits for it to get further."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from twofold.errors import NotFreshError
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Key


class Stuck(NamedTuple):
    """What waits for a parked row: the first position and the last."""

    first: int
    last: int


class Progress:
    """The checkpoint of a view as this process knows it, and the callers that wait for a position.

    `generation` is the number of the generation that it is the checkpoint of; `parked` are the keys of its parked rows,
    each with what waits for it. A row that is not among them at some time has everything up to the checkpoint of that
    time, for ever. `heard` is the highest position that another process is said
    to have brought it to.

    Args:
        view: the view's name.
        max_waiters: how many may wait at a time; one more is refused.
    """

    def __init__(self, view: str, max_waiters: int = 10_000) -> None:
        self.view = view
        self.max_waiters = max_waiters
        self.mark: Mark | None = None
        self.generation = 0
        self.parked: Mapping[Key, Stuck] = {}
        self.stopped: str | None = None
        self.heard = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = 0

    @property
    def position(self) -> int:
        """The position that the view has reached; 0 before it was opened."""
        return self.mark.position if self.mark is not None else 0

    def parked_since(self, key: Key | None = None, missing: int = 0) -> int | None:
        """The position from which on the row with this stored *key*, or any row, lacks what happened; None: none.

        Rows for which nothing waits from position *missing* on do not count.
        """
        stuck = self.parked.values() if key is None else filter(None, [self.parked.get(key)])
        return min([each.first for each in stuck if each.last >= missing], default=None)

    def move(self, mark: Mark) -> None:
        """The view has reached *mark*: wake whoever waits for it or for less."""
        self.mark = mark
        self._wake(mark.position)

    def hear(self, position: int) -> None:
        """Another process is said to have brought it to *position*: let those who wait for that look for themselves."""
        self.heard = max(self.heard, position)
        self._wake(position)

    def stop(self, reason: str) -> None:
        """The view goes no further, because of *reason*: everybody who waits is told."""
        self.stopped = reason
        waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            _resolve(future)

    def resume(self) -> None:
        """The view goes on."""
        self.stopped = None

    async def moved(self, position: int, timeout: float) -> None:
        """Return when the view has reached *position* or is said to have, when it stops, or after *timeout* seconds.

        Raises NotFreshError at once when too many wait already.
        """
        if len(self._waiting) >= self.max_waiters:
            self._forget_those_who_left()
        if len(self._waiting) >= self.max_waiters:
            raise NotFreshError(self.view, self.position, position, "too many callers are waiting for it")
        future = asyncio.get_running_loop().create_future()
        self._number += 1
        heappush(self._waiting, (position, self._number, future))
        try:
            await asyncio.wait((future,), timeout=timeout)
        finally:
            future.cancel()

    def _wake(self, position: int) -> None:
        while self._waiting and self._waiting[0][0] <= position:
            _resolve(heappop(self._waiting)[2])

    def _forget_those_who_left(self) -> None:
        self._waiting = [entry for entry in self._waiting if not entry[2].done()]
        heapify(self._waiting)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
