"""Several streams read as one, in the order of the log, a page of each at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore

PAGE = 500


class _Cursor:
    """Where the reading of one stream is, and what of it waits for its turn."""

    def __init__(self, events: EventStore, stream: str, position: int) -> None:
        self._events, self._stream, self._position = events, stream, position
        self._version = 0
        self.waiting: list[RecordedEvent] = []
        self.is_done = False

    async def fill(self) -> None:
        """Read the next page when nothing waits any more."""
        if self.waiting or self.is_done:
            return
        page = await self._events.read_stream(self._stream, after=self._version, limit=PAGE)
        self.waiting = [event for event in page if event.position <= self._position]
        self.is_done = len(self.waiting) < PAGE
        self._version += len(self.waiting)

    def take(self, up_to: int) -> list[RecordedEvent]:
        """What waits, up to that position."""
        taken = [event for event in self.waiting if event.position <= up_to]
        self.waiting = self.waiting[len(taken) :]
        return taken


async def merged(
    events: EventStore, streams: Sequence[str], position: int
) -> AsyncGenerator[list[RecordedEvent], None]:
    """The events of all *streams* up to *position*, by position. Memory holds at most `PAGE` events of each."""
    cursors = [_Cursor(events, stream, position) for stream in streams]
    while cursors:
        for cursor in cursors:
            await cursor.fill()
        safe = min([cursor.waiting[-1].position for cursor in cursors if not cursor.is_done], default=position)
        taken = [event for cursor in cursors for event in cursor.take(safe)]
        yield sorted(taken, key=lambda event: event.position)
        cursors = [cursor for cursor in cursors if cursor.waiting or not cursor.is_done]
