"""One batch on its way into the log: which writes stand, and the rows they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from twofold.adapters.sqlite.heads import SEGMENT, Head, Heads
from twofold.adapters.sqlite.names import Names
from twofold.adapters.sqlite.outcome_rows import Known, OutcomeRows, remember, replay_of
from twofold.event_store.recorded_event import check_of
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
from twofold.messages.metadata import NO_ORIGIN

Rows = list[tuple[Any, ...]]


class BatchWriter:
    """Decides, inside a write transaction, what becomes of each write of a batch, and inserts what stands."""

    def __init__(self, connection: apsw.Connection, sql: dict[str, str], names: Names, now: Callable[[], int]) -> None:
        self._many = connection.cursor().executemany
        self._connection = connection
        self._sql = sql
        self._names = names
        self.now = now
        self._outcomes = OutcomeRows(connection, sql, names)
        self.heads = Heads(connection, sql)

    def write(self, writes: Sequence[Write], *, suspicious: bool = False) -> list[WriteResult]:
        """Insert the batch; the caller commits, or calls `forget` after rolling back.

        Message ids are only looked up when *suspicious*: a known one breaks the unique index, and the caller,
        told by apsw.ConstraintError, rolls back and offers the batch again.
        """
        check_batch(writes)
        heads = self.heads
        heads.refresh()
        now = self.now()
        known = self._outcomes.known(writes, with_ids=suspicious)
        batch = _Rows()
        results: list[WriteResult] = []
        for write in writes:
            results.append(self._place(write, results, known, batch, now))
        self._insert(batch)
        return results

    def forget(self) -> None:
        """The transaction was rolled back: believe nothing that was learned in it."""
        self.heads.forget()
        self._names.reload()

    def _place(self, write: Write, results: list[WriteResult], known: Known, batch: _Rows, now: int) -> WriteResult:
        if known is not None and (replayed := replay_of(write, known)) is not None:
            return replayed
        if (conflict := self._conflict(write, results)) is not None:
            return self._replay_at_last(write, batch) or conflict
        heads = self.heads
        recorded_at = max(heads.recorded_at, now if write.recorded_at is None else write.recorded_at)
        before = heads.position
        versions = tuple([self._place_events(write, part, batch, recorded_at) for part in write.streams])
        events = heads.position - before
        if events:
            heads.recorded_at = recorded_at
        appended = Appended(before + 1 if events else 0, heads.position, versions, heads.check, recorded_at)
        if write.outcome is not None:
            heads.outcome += 1
            self._outcomes.place(heads.outcome, write.outcome, appended, events, batch.outcomes, batch.full_outcomes)
            if known is not None:
                remember(heads.outcome, write.outcome, appended, events, known)
        return appended

    def _conflict(self, write: Write, results: list[WriteResult]) -> Conflicted | None:
        for part in write.streams:
            head = self.heads.of(part.stream)
            if part.expected not in (head.version, ANY_VERSION):
                return Conflicted(part.stream, part.expected, head.version)
        for place in write.builds_on:
            if not isinstance(results[place], Appended):
                return self._lost_its_ground(write)
        return None

    def _replay_at_last(self, write: Write, batch: _Rows) -> Replayed | None:
        """A conflict is a replay if its message id is known: asked only here, where the unique index is not met."""
        if write.outcome is None:
            return None
        message_id = write.outcome.message_id
        if batch.has_outcome(message_id):
            raise apsw.ConstraintError("a message id comes twice in one batch: look it up first")
        first = self._outcomes.by_id(message_id)
        return None if first is None else Replayed(first)

    def _lost_its_ground(self, write: Write) -> Conflicted:
        if not write.streams:
            return Conflicted("", 0, 0)
        part = write.streams[0]
        return Conflicted(part.stream, part.expected, self.heads.of(part.stream).version)

    def _place_events(self, write: Write, part: StreamWrite, batch: _Rows, recorded_at: int) -> int:
        heads = self.heads
        head = heads.of(part.stream)
        if not part.events:
            return head.version
        if not head.stored:
            batch.streams.append(heads.create(part.stream, head))
        causation = write.causation_id
        correlation = None if write.correlation_id == causation else write.correlation_id
        origin = None if write.origin == NO_ORIGIN else write.origin
        stream, position = head.stream, heads.position
        for event in part.events:
            position += 1
            head.version = version = head.version + 1
            batch.events.append((
                position, stream, version, head.position, self._names.number(event.type, event.schema_version),
                event.data, event.message_id, causation, correlation, origin, recorded_at,
            ))  # fmt: skip
            head.position = position
            head.recent.append(position)
            if version % SEGMENT == 0:
                self._complete_segment(head, batch)
        heads.position = position
        heads.check = check_of(event.message_id)
        batch.heads[stream] = head
        return version

    def _complete_segment(self, head: Head, batch: _Rows) -> None:
        if len(head.recent) < SEGMENT:
            self._many(self._sql["insert_event"], batch.events)
            batch.events.clear()
        batch.segments.append((head.stream, head.version, self.heads.segment(head)))

    def _insert(self, batch: _Rows) -> None:
        many, sql = self._many, self._sql
        if batch.streams:
            many(sql["insert_stream"], batch.streams)
        if batch.events:
            many(sql["insert_event"], batch.events)
        if batch.heads:
            many(
                sql["move_head"],
                [(head.stream, head.version, head.position) for _, head in sorted(batch.heads.items())],
            )
        if batch.segments:
            many(sql["insert_segment"], batch.segments)
        if batch.outcomes:
            many(sql["insert_outcome"], batch.outcomes)
        if batch.full_outcomes:
            many(sql["insert_outcome_in_full"], batch.full_outcomes)


class _Rows:
    """The rows of a batch, by table."""

    __slots__ = ("events", "full_outcomes", "heads", "outcomes", "segments", "streams")

    def __init__(self) -> None:
        self.streams: Rows = []
        self.events: Rows = []
        self.segments: Rows = []
        self.outcomes: Rows = []
        self.full_outcomes: Rows = []
        self.heads: dict[int, Head] = {}

    def has_outcome(self, message_id: bytes) -> bool:
        return any(row[1] == message_id for rows in (self.outcomes, self.full_outcomes) for row in rows)
