"""The end of the log in memory, read once for all the views of a process that are nearly there."""

from __future__ import annotations

import asyncio
from bisect import bisect_right

from twofold.event_store.recorded_event import LogPage, Mark, RecordedEvent
from twofold.event_store.store import EVERYTHING, PAGE_BYTES, EventStore, LogFilter
from twofold.event_store.stream import slice_of

FETCH_EVENTS = 1000
KEEP_BYTES = 8 * 1024 * 1024
EVENT_BYTES = 400
"""What an event takes beside its data."""


class Tailer:
    """Serves reads near the head from one shared window, and those further back from the log itself.

    It is a Source: what it answers is what the log would. The window holds at most *keep_bytes* (bytes) of events;
    a reader that has fallen behind it filters in the store again, until it has caught up.
    """

    def __init__(self, events: EventStore, *, keep_bytes: int = KEEP_BYTES) -> None:
        self._events = events
        self._keep_bytes = keep_bytes
        self._window: list[RecordedEvent] = []
        self._positions: list[int] = []
        self._bytes = 0
        self._start = -1
        self._reached = 0
        self._at_head = False
        self._fetching = asyncio.Lock()

    @property
    def epoch(self) -> str:
        """Which log this is."""
        return self._events.epoch

    async def mark(self, position: int | None = None) -> Mark:
        """See EventStore.mark."""
        return await self._events.mark(position)

    async def read_log(
        self, after: int, *, where: LogFilter = EVERYTHING, limit: int = 1000, max_bytes: int = PAGE_BYTES
    ) -> LogPage:
        """See EventStore.read_log."""
        if self._start < 0:
            self._start = self._reached = (await self._events.mark()).position
        if after >= self._reached:
            await self._fetch(after)
        if after < self._start or where.categories is not None:
            return await self._events.read_log(after, where=where, limit=limit, max_bytes=max_bytes)
        return self._page(after, where, limit, max_bytes)

    async def _fetch(self, after: int) -> None:
        """Read on from the window's end, unless another reader has just done so."""
        async with self._fetching:
            if after < self._reached:
                return
            page = await self._events.read_log(self._reached, limit=FETCH_EVENTS, max_bytes=self._keep_bytes)
            self._window.extend(page.events)
            self._positions.extend([event.position for event in page.events])
            self._bytes += sum(map(_size, page.events))
            self._reached, self._at_head = page.reached, page.at_head
            if self._bytes > self._keep_bytes:
                self._forget()

    def _forget(self) -> None:
        """Drop the older part of the window, down to half of what it may hold."""
        dropped = 0
        while self._bytes > self._keep_bytes // 2 and dropped < len(self._window) - 1:
            self._bytes -= _size(self._window[dropped])
            dropped += 1
        self._start = self._positions[dropped - 1] if dropped else self._start
        del self._window[:dropped], self._positions[:dropped]

    def _page(self, after: int, where: LogFilter, limit: int, max_bytes: int) -> LogPage:
        types, slices = where.types, where.slices
        found: list[RecordedEvent] = []
        size = 0
        for event in self._window[bisect_right(self._positions, after) :]:
            if types is not None and event.type not in types:
                continue
            if slices is not None and not slices[0] <= slice_of(event.stream) < slices[1]:
                continue
            size += len(event.data)
            if found and (size > max_bytes or len(found) == limit):
                return LogPage(found, found[-1].position, at_head=False)
            found.append(event)
        return LogPage(found, max(after, self._reached), self._at_head)


def _size(event: RecordedEvent) -> int:
    return EVENT_BYTES + len(event.data)
