"""The log in an SQLite file."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, cast

import apsw
import msgspec

from twofold.adapters.sqlite.batch import BatchWriter
from twofold.adapters.sqlite.connection import fetch
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.heads import SEGMENT, unpack
from twofold.adapters.sqlite.names import Names
from twofold.adapters.sqlite.writer import Writer
from twofold.event_store.recorded_event import NO_CHECK, LogPage, Mark, RecordedEvent, check_of
from twofold.event_store.store import EVERYTHING, PAGE_BYTES, LogFilter
from twofold.event_store.write import Write, WriteResult
from twofold.messages.metadata import NO_ORIGIN

WINDOW = 100_000
FIRST_POLL_SECONDS = 0.005
LAST_POLL_SECONDS = 0.25


class SqliteEventStore:
    """Appends through the writer; reads on a connection of its own, on the event loop's thread.

    Reading inline is deliberate: a page costs about a millisecond, and a thread would lose and fetch the
    interpreter lock at every row.
    """

    def __init__(
        self, writer: Writer, reader: apsw.Connection, sql: dict[str, str], batch: BatchWriter, epoch: str
    ) -> None:
        self.epoch = epoch
        self._writer = writer
        self._batch = batch
        self._reader = reader
        self._sql = sql
        self._names = Names(reader, sql)
        self._waiting: set[asyncio.Future[None]] = set()

    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        """See EventStore.append."""
        batch = self._batch
        try:
            results = await self._writer.transact(lambda: batch.write(writes))
        except apsw.ConstraintError:
            results = await self._writer.transact(lambda: batch.write(writes, suspicious=True))
        self.wake()
        return results

    def _rows(self, name: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        return fetch(self._reader, self._sql[name], bindings)

    def wake(self) -> None:
        """Tell everyone who waits that the log may have grown."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def read_stream(
        self, stream: str, *, after: int = 0, up_to: int | None = None, limit: int = 1000, backwards: bool = False
    ) -> list[RecordedEvent]:
        """See EventStore.read_stream."""
        with translated(self._writer.path):
            rows = self._rows("read_head", (stream,))
            if not rows:
                return []
            number, version, position = rows[0]
            last = version if up_to is None else min(version, up_to)
            low, high = (max(after, last - limit), last) if backwards else (after, min(last, after + limit))
            if low >= high:
                return []
            positions = self._positions(number, version, position, low, high)
            found = self._rows("read_events_at", (apsw.carray(positions),))
        events = [self._event((row[0], stream, *row[1:])) for row in found]
        if backwards:
            events.reverse()
        return events

    def _positions(self, stream: int, version: int, position: int, low: int, high: int) -> array[int]:
        """Positions of the versions in (low, high]: whole segments by their rows, the rest along the chain."""
        floor = version // SEGMENT * SEGMENT
        start = low // SEGMENT * SEGMENT
        positions = array("q")
        if start < floor:
            until = min(floor, -(-high // SEGMENT) * SEGMENT)
            for (packed,) in self._rows("read_segments", (stream, start, until)):
                positions.extend(unpack(packed))
        if high > floor:
            begin = max(start, floor)
            positions.extend(item for (item,) in self._rows("read_chain", (position, begin)))
        return positions[low - start : high - start]

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
        with translated(self._writer.path):
            head = self._rows("read_head_position")[0][0]
            if backwards:
                return self._page_backwards(head, after, where, limit, max_bytes)
            end = head if up_to is None else min(head, up_to)
            until = min(end, after + WINDOW)
            bindings = (after, until, *self._where(where), limit)
            events, is_whole = self._collect(self._sql["read_log"], bindings, limit, max_bytes)
        reached = max(after, until) if is_whole else events[-1].position
        return LogPage(events, reached, reached >= end)

    def _page_backwards(self, head: int, after: int, where: LogFilter, limit: int, max_bytes: int) -> LogPage:
        top = head if after == 0 else min(head, after - 1)
        bottom = max(0, top - WINDOW)
        bindings = (bottom, top, *self._where(where), limit)
        events, is_whole = self._collect(self._sql["read_log_backwards"], bindings, limit, max_bytes)
        reached = bottom + 1 if is_whole else events[-1].position
        return LogPage(events, reached, reached <= 1)

    def _collect(
        self, sql: str, bindings: tuple[Any, ...], limit: int, max_bytes: int
    ) -> tuple[list[RecordedEvent], bool]:
        """Events until one of the limits is met, and whether the range was read to its end."""
        events: list[RecordedEvent] = []
        add, event_of = events.append, self._event
        size = 0
        for row in cast("Iterator[Any]", self._reader.execute(sql, bindings)):
            size += len(row[4])
            if size > max_bytes and events:
                return events, False
            add(event_of(row))
        return events, len(events) < limit

    def _where(self, where: LogFilter) -> tuple[str | None, str | None, int | None, int | None]:
        types = None if where.types is None else sorted(where.types)
        categories = None if where.categories is None else sorted(where.categories)
        low, high = where.slices or (None, None)
        return (_json(types), _json(categories), low, high)

    def _event(self, row: tuple[Any, ...]) -> RecordedEvent:
        (position, stream, version, kind, data, message_id, causation_id, correlation_id, recorded_at, origin) = row
        name, schema_version = self._names.name(kind)
        return RecordedEvent(
            position, stream, version, name, schema_version, data, message_id, causation_id,
            causation_id if correlation_id is None else correlation_id, recorded_at,
            NO_ORIGIN if origin is None else origin,
        )  # fmt: skip

    async def mark(self, position: int | None = None) -> Mark:
        """See EventStore.mark."""
        with translated(self._writer.path):
            rows = self._rows("read_mark", (2**63 - 1 if position is None else position,))
        return Mark(self.epoch, rows[0][0], check_of(rows[0][1])) if rows else Mark(self.epoch, 0, NO_CHECK)

    def _head(self) -> int:
        with translated(self._writer.path):
            return int(self._rows("read_head_position")[0][0])

    async def now(self) -> int:
        """See EventStore.now."""
        self._head()
        return self._batch.now()

    async def wait(self, after: int, timeout: float) -> bool:
        """See EventStore.wait."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        pause = FIRST_POLL_SECONDS
        while True:
            if self._head() > after:
                return True
            left = deadline - loop.time()
            if left <= 0:
                return False
            woken = loop.create_future()
            self._waiting.add(woken)
            await asyncio.wait((woken,), timeout=min(left, pause))
            self._waiting.discard(woken)
            pause = min(pause * 2, LAST_POLL_SECONDS)


def _json(values: Sequence[Any] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()
