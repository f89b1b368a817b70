"""What a projector reads from: the part of the event store's port that it needs."""

from __future__ import annotations

from typing import Protocol

from twofold.event_store.recorded_event import LogPage, Mark
from twofold.event_store.store import LogFilter


class Source(Protocol):
    """The log, as far as views read it. An `EventStore` is one, and so is a tailer that fans out."""

    @property
    def epoch(self) -> str:
        """Which log this is."""

    async def read_log(self, after: int, *, where: LogFilter, limit: int, max_bytes: int) -> LogPage:
        """Events behind position *after*, as `EventStore.read_log` promises."""

    async def mark(self, position: int | None = None) -> Mark:
        """The mark of the last event at or before *position*; of the head when None."""


async def fault_of_mark(source: Source, mark: Mark) -> str | None:
    """Why *mark* was not made on this log, or None when it was."""
    if mark.epoch != source.epoch:
        return "it is of another log"
    found = await source.mark(mark.position)
    if found.position < mark.position:
        return f"it is at position {mark.position}, ahead of the log, which is at {found.position}"
    return None if found.check == mark.check else f"the log holds another event at position {mark.position}"
