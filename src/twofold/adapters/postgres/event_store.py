"""The log in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.adapters.postgres.appending import Appender, Now
from twofold.adapters.postgres.database import Database
from twofold.adapters.postgres.head import HeadWatch
from twofold.event_store.recorded_event import NO_CHECK, LogPage, Mark, RecordedEvent, check_of
from twofold.event_store.store import EVERYTHING, PAGE_BYTES, LogFilter
from twofold.event_store.write import Appended, Write, WriteResult

WINDOW = 100_000
_HIGHEST = 2**63 - 1 - WINDOW


class PostgresEventStore:
    """Appends in one round trip; reads on any free connection, from the primary only."""

    def __init__(
        self, database: Database, sql: dict[str, str], appender: Appender, watch: HeadWatch, now: Now, epoch: str
    ) -> None:
        self.epoch = epoch
        self._database = database
        self._sql = sql
        self._appender = appender
        self._watch = watch
        self._now = now

    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        """See EventStore.append."""
        results = await self._appender.append(writes)
        self._watch.reached(max([each.position for each in results if isinstance(each, Appended)], default=0))
        return results

    async def read_stream(
        self, stream: str, *, after: int = 0, up_to: int | None = None, limit: int = 1000, backwards: bool = False
    ) -> list[RecordedEvent]:
        """See EventStore.read_stream."""
        name = "read_stream_backwards" if backwards else "read_stream"
        last = _HIGHEST if up_to is None else up_to
        rows = await self._database.fetch(self._sql[name], stream, after, last, limit)
        return [RecordedEvent(*row) for row in rows]

    async def read_log(
        self,
        after: int,
        *,
        where: LogFilter = EVERYTHING,
        limit: int = 1000,
        max_bytes: int = PAGE_BYTES,
        up_to: int | None = None,
        backwards: bool = False,
    ) -> LogPage:
        """See EventStore.read_log."""
        arguments = (*_filter(where), limit, WINDOW, max_bytes)
        if backwards:
            below = after or _HIGHEST
            rows = await self._database.fetch(self._sql["read_log_backwards"], below, *arguments)
            return _page_backwards(rows, below, limit)
        last = _HIGHEST if up_to is None else up_to
        rows = await self._database.fetch(self._sql["read_log"], min(after, _HIGHEST), *arguments, last)
        return _page(rows, after, last, limit)

    async def mark(self, position: int | None = None) -> Mark:
        """See EventStore.mark."""
        row = await self._database.row(
            self._sql["read_mark"], _HIGHEST if position is None else min(position, _HIGHEST)
        )
        return Mark(self.epoch, 0, NO_CHECK) if row is None else Mark(self.epoch, row[0], check_of(row[1]))

    async def wait(self, after: int, timeout: float) -> bool:
        """See EventStore.wait."""
        return await self._watch.wait(after, timeout)

    async def now(self) -> int:
        """See EventStore.now."""
        (row,) = await self._database.fetch(self._sql["read_clock"], self._now())
        return int(row[0])


def _filter(where: LogFilter) -> tuple[Any, ...]:
    types = None if where.types is None else sorted(where.types)
    categories = None if where.categories is None else sorted(where.categories)
    return (types, categories, *(where.slices or (None, None)))


def _events(rows: Sequence[Any], limit: int) -> tuple[list[RecordedEvent], bool]:
    """The events of a page, and whether its range was read to the end. A row is head, found, then the event."""
    if rows[0][1] is None:
        return [], True
    events = [RecordedEvent(*row[2:]) for row in rows]
    return events, len(events) == rows[0][1] < limit


def _page(rows: Sequence[Any], after: int, last: int, limit: int) -> LogPage:
    events, is_whole = _events(rows, limit)
    end = min(rows[0][0], last)
    reached = max(after, min(end, after + WINDOW)) if is_whole else events[-1].position
    return LogPage(events, reached, reached >= end)


def _page_backwards(rows: Sequence[Any], below: int, limit: int) -> LogPage:
    events, is_whole = _events(rows, limit)
    top = min(rows[0][0], below - 1)
    reached = max(0, top - WINDOW) + 1 if is_whole else events[-1].position
    return LogPage(events, reached, reached <= 1)
