"""The log in memory: one list of events, and one list for each stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from uuid import uuid4

from twofold.adapters.memory.lifetime import Lifetime
from twofold.adapters.memory.outcomes import MemoryOutcomes
from twofold.clock import Clock
from twofold.event_store.bulk import Ending
from twofold.event_store.recorded_event import NO_CHECK, LogPage, Mark, RecordedEvent, check_of
from twofold.event_store.store import EVERYTHING, PAGE_BYTES, LogFilter
from twofold.event_store.stream import category_of, slice_of
from twofold.event_store.write import (
    ANY_VERSION,
    Appended,
    Conflicted,
    Replayed,
    StreamWrite,
    Write,
    WriteResult,
    check_batch,
)


class MemoryEventStore:
    """The reference implementation of EventStore: what it does is what every other store has to do."""

    def __init__(self, clock: Clock, outcomes: MemoryOutcomes, lifetime: Lifetime) -> None:
        self.epoch = uuid4().hex
        self._clock = clock
        self._outcomes = outcomes
        self._lifetime = lifetime
        self._log: list[RecordedEvent] = []
        self._streams: dict[str, list[RecordedEvent]] = {}
        self._recorded_at = 0

    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Store a batch; nothing is awaited in between, so nobody sees half of it."""
        self._lifetime.check()
        check_batch(writes)
        now, before = self._clock.now_micros(), len(self._log)
        results: list[WriteResult] = []
        for write in writes:
            results.append(self._result_of(write, results, now))
        if len(self._log) > before:
            self._lifetime.wake()
        return results

    async def read_stream(
        self, stream: str, *, after: int = 0, up_to: int | None = None, limit: int = 1000, backwards: bool = False
    ) -> list[RecordedEvent]:
        """Events of one stream, by version."""
        self._lifetime.check()
        events = self._streams.get(stream, [])[after:up_to]
        return events[::-1][:limit] if backwards else events[:limit]

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
        """A page of the log, by position."""
        self._lifetime.check()
        head = len(self._log)
        if backwards:
            end = min(after - 1, head) if after else head
            events, is_cut = _page((self._log[at] for at in range(end - 1, -1, -1)), where, limit, max_bytes)
            reached = events[-1].position if is_cut else 1
            return LogPage(events, reached, at_head=reached == 1)
        end = head if up_to is None else min(up_to, head)
        events, is_cut = _page((self._log[at] for at in range(after, end)), where, limit, max_bytes)
        reached = events[-1].position if is_cut else max(after, end)
        return LogPage(events, reached, at_head=reached >= end)

    async def mark(self, position: int | None = None) -> Mark:
        """The mark of the last event at or before *position*; of the head when None."""
        self._lifetime.check()
        head = len(self._log)
        at = head if position is None else min(position, head)
        return Mark(self.epoch, at, self._check_at(at))

    async def wait(self, after: int, timeout: float) -> bool:
        """True as soon as the head is above *after*; False after *timeout* seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._grown_past(after)
        except TimeoutError:
            return False
        return True

    async def now(self) -> int:
        """What the given clock says."""
        self._lifetime.check()
        return self._clock.now_micros()

    async def _grown_past(self, after: int) -> None:
        self._lifetime.check()
        while len(self._log) <= after:
            await self._lifetime.changed()
            self._lifetime.check()

    # --- for bulk -------------------------------------------------------------------------

    def ending(self, outcome: int) -> Ending:
        """Where the log ends, given its last outcome's number."""
        return Ending(len(self._log), self._recorded_at, outcome)

    def versions(self, streams: Iterable[str]) -> dict[str, int]:
        """The present versions of *streams*."""
        return {stream: self._version(stream) for stream in streams}

    def load(self, events: Sequence[RecordedEvent]) -> None:
        """Add events that have been checked, as they are."""
        for event in events:
            self._log.append(event)
            self._streams.setdefault(event.stream, []).append(event)
            self._recorded_at = event.recorded_at

    # --- appending ------------------------------------------------------------------------

    def _result_of(self, write: Write, earlier: Sequence[WriteResult], now: int) -> WriteResult:
        first = self._outcomes.seen(write.outcome) if write.outcome else None
        if first:
            return Replayed(first)
        return self._conflict_of(write, earlier) or self._store(write, now)

    def _conflict_of(self, write: Write, earlier: Sequence[WriteResult]) -> Conflicted | None:
        for part in write.streams:
            actual = self._version(part.stream)
            if part.expected not in (ANY_VERSION, actual):
                return Conflicted(part.stream, part.expected, actual)
        if all(isinstance(earlier[place], Appended) for place in write.builds_on):
            return None
        if not write.streams:
            return Conflicted("", 0, 0)
        part = write.streams[0]
        return Conflicted(part.stream, part.expected, self._version(part.stream))

    def _store(self, write: Write, now: int) -> Appended:
        before = len(self._log)
        at = max(self._recorded_at, now if write.recorded_at is None else write.recorded_at)
        for part in write.streams:
            self._store_events(part, write, at)
        head = len(self._log)
        self._recorded_at = at if head > before else self._recorded_at
        versions = tuple(self._version(part.stream) for part in write.streams)
        appended = Appended(before + 1 if head > before else 0, head, versions, self._check_at(head), at)
        if write.outcome:
            self._outcomes.record(write.outcome, appended, head - before)
        return appended

    def _store_events(self, part: StreamWrite, write: Write, at: int) -> None:
        stream = self._streams.setdefault(part.stream, []) if part.events else []
        for event in part.events:
            recorded = RecordedEvent(
                position=len(self._log) + 1,
                stream=part.stream,
                version=len(stream) + 1,
                type=event.type,
                schema_version=event.schema_version,
                data=event.data,
                message_id=event.message_id,
                causation_id=write.causation_id,
                correlation_id=write.correlation_id,
                recorded_at=at,
                origin=write.origin,
            )
            self._log.append(recorded)
            stream.append(recorded)

    def _version(self, stream: str) -> int:
        return len(self._streams.get(stream, ()))

    def _check_at(self, position: int) -> bytes:
        return check_of(self._log[position - 1].message_id) if position else NO_CHECK


def _page(
    candidates: Iterable[RecordedEvent], where: LogFilter, limit: int, max_bytes: int
) -> tuple[list[RecordedEvent], bool]:
    """The events of a page, and whether it was cut short by its limits."""
    events: list[RecordedEvent] = []
    size = 0
    for event in candidates:
        if not _matches(event, where):
            continue
        size += len(event.data)
        if events and size > max_bytes:
            return events, True
        events.append(event)
        if len(events) == limit:
            return events, True
    return events, False


def _matches(event: RecordedEvent, where: LogFilter) -> bool:
    return (
        (where.types is None or event.type in where.types)
        and (where.categories is None or category_of(event.stream) in where.categories)
        and (where.slices is None or where.slices[0] <= slice_of(event.stream) < where.slices[1])
    )
