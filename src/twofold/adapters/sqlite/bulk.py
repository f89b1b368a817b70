"""Loads whole logs into an SQLite file, and reads outcomes oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import apsw
from msgspec.structs import astuple

from twofold.adapters.sqlite.connection import fetch
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.event_store import SqliteEventStore
from twofold.adapters.sqlite.heads import SEGMENT, Head, Heads
from twofold.adapters.sqlite.names import Names
from twofold.adapters.sqlite.outcome_rows import OutcomeRows, outcome_of
from twofold.adapters.sqlite.writer import Writer
from twofold.errors import InputError
from twofold.event_store.bulk import Ending, check_epoch, check_load
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent, check_of
from twofold.event_store.write import Appended
from twofold.messages.metadata import NO_ORIGIN

Rows = list[tuple[Any, ...]]


class SqliteBulk:
    """Writes as the event store does, only that everything is given."""

    def __init__(
        self, writer: Writer, reader: apsw.Connection, sql: dict[str, str], heads: Heads, events: SqliteEventStore
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._sql = sql
        self._heads = heads
        self._events = events
        self._names = Names(reader, sql)

    async def outcomes(self, after: int, limit: int) -> list[RecordedOutcome]:
        """See Bulk.outcomes."""
        with translated(self._writer.path):
            rows = fetch(self._reader, self._sql["outcomes_since"], (after, limit))
        return [outcome_of(row, self._names) for row in rows]

    async def load(
        self, events: Sequence[RecordedEvent], outcomes: Sequence[RecordedOutcome], epoch: str | None = None
    ) -> None:
        """See Bulk.load."""
        try:
            await self._writer.transact(lambda: self._load(events, outcomes, epoch))
        except apsw.ConstraintError as error:
            raise InputError("an outcome's message id is known already, or comes twice") from error
        self._events.epoch = epoch or self._events.epoch
        self._events.wake()

    def _load(self, events: Sequence[RecordedEvent], outcomes: Sequence[RecordedOutcome], epoch: str | None) -> None:
        heads = self._heads
        heads.refresh()
        ending = Ending(heads.position, heads.recorded_at, heads.outcome)
        versions = {stream: heads.of(stream).version for stream in {event.stream for event in events}}
        check_epoch(epoch, self._events.epoch, ending)
        check_load(events, outcomes, ending, versions)
        if epoch is not None:
            fetch(self._writer.connection, self._sql["renew_epoch"], (epoch,))
        # Names are read anew: this transaction may be the first to see those of another process, or be rolled back.
        names = Names(self._writer.connection, self._sql)
        _EventRows(self._writer.connection, self._sql, heads, names).insert(events)
        self._insert_outcomes(outcomes, names)

    def _insert_outcomes(self, outcomes: Sequence[RecordedOutcome], names: Names) -> None:
        rows = OutcomeRows(self._writer.connection, self._sql, names)
        rows.refuse_known_keys([each.outcome for each in outcomes])
        short: Rows = []
        full: Rows = []
        for each in outcomes:
            appended = Appended(each.first, each.position, (each.version,), each.check, each.recorded_at)
            rows.place(each.number, each.outcome, appended, each.events, short, full)
            self._heads.outcome = each.number
        many = self._writer.connection.cursor().executemany
        many(self._sql["insert_outcome"], short)
        many(self._sql["insert_outcome_in_full"], full)


class _EventRows:
    """The rows that a run of events becomes: the events, new streams, heads, segments."""

    def __init__(self, connection: apsw.Connection, sql: dict[str, str], heads: Heads, names: Names) -> None:
        self._many = connection.cursor().executemany
        self._sql = sql
        self._heads = heads
        self._names = names
        self._streams: Rows = []
        self._events: Rows = []
        self._segments: Rows = []

    def insert(self, events: Sequence[RecordedEvent]) -> None:
        """Insert *events*, which have been checked."""
        if not events:
            return
        moved = self._place(events)
        many, sql = self._many, self._sql
        many(sql["insert_stream"], self._streams)
        many(sql["insert_event"], self._events)
        many(sql["move_head"], [(head.stream, head.version, head.position) for head in moved])
        many(sql["insert_segment"], self._segments)
        last, heads = events[-1], self._heads
        heads.position, heads.recorded_at, heads.check = last.position, last.recorded_at, check_of(last.message_id)

    def _place(self, events: Sequence[RecordedEvent]) -> list[Head]:
        """Make the rows; returns the heads that moved."""
        known: dict[str, Head] = {}
        number, add = self._names.number, self._events.append
        for event in events:
            (position, stream, version, kind, schema_version, data, message_id, causation, correlation, recorded_at,
             origin) = astuple(event)  # fmt: skip
            head = known.get(stream)
            if head is None:
                head = known[stream] = self._head(stream)
            add((
                position, head.stream, version, head.position, number(kind, schema_version), data, message_id,
                causation, None if correlation == causation else correlation,
                None if origin == NO_ORIGIN else origin, recorded_at,
            ))  # fmt: skip
            head.version = version
            head.position = position
            head.recent.append(position)
            if version % SEGMENT == 0:
                self._complete_segment(head)
        return sorted(known.values(), key=attrgetter("stream"))

    def _head(self, stream: str) -> Head:
        head = self._heads.of(stream)
        if not head.stored:
            self._streams.append(self._heads.create(stream, head))
        return head

    def _complete_segment(self, head: Head) -> None:
        if len(head.recent) < SEGMENT:  # some of it has to be read, along the chain
            self._many(self._sql["insert_event"], self._events)
            self._events.clear()
        self._segments.append((head.stream, head.version, self._heads.segment(head)))
