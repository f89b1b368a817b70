"""Loads whole logs into a PostgreSQL database by COPY, and reads outcomes oldest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from asyncpg.pgproto.pgproto import UUID
from msgspec.structs import astuple

from twofold.adapters.postgres.batch import head_of
from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.outcome_rows import outcome_of
from twofold.errors import InputError
from twofold.event_store.bulk import Ending, check_epoch, check_load
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore
from twofold.event_store.stream import category_of, slice_of
from twofold.messages.metadata import NO_ORIGIN

EVENT_COLUMNS = (
    "position", "stream", "version", "category", "slice", "type", "schema_version", "data", "message_id",
    "causation_id", "correlation_id", "origin", "recorded_at",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "number", "message_id", "command", "status", "stream", "version", "position", "events", "recorded_at", "duration",
    "correlation_id", "origin", "scope", "key", "payload_hash", "code", "message", "details",
)  # fmt: skip
COPY_SECONDS = 600.0

Rows = list[tuple[Any, ...]]


class PostgresBulk:
    """Writes under the same lock as every append.

    Args:
        database: where the log is.
        sql: the statements.
        lock_key: names the writers' lock.
        events: the log's event store, whose epoch moves with the log's.
        reached: called with the new head.
    """

    def __init__(
        self, database: Database, sql: dict[str, str], lock_key: int, events: EventStore, reached: Callable[[int], None]
    ) -> None:
        self._database = database
        self._sql = sql
        self._lock_key = lock_key
        self._events = events
        self._reached = reached

    async def outcomes(self, after: int, limit: int) -> list[RecordedOutcome]:
        """See Bulk.outcomes."""
        return [outcome_of(row) for row in await self._database.fetch(self._sql["outcomes_since"], after, limit)]

    async def load(
        self, events: Sequence[RecordedEvent], outcomes: Sequence[RecordedOutcome], epoch: str | None = None
    ) -> None:
        """See Bulk.load."""
        event_rows, outcome_rows = _event_rows(events), [_outcome_row(each) for each in outcomes]
        async with self._database.transaction() as connection:
            await self._check(connection, events, outcomes, epoch)
            if epoch is not None:
                await connection.execute(self._sql["renew_epoch"], epoch)
            await _copy(connection, "events", EVENT_COLUMNS, event_rows)
            try:
                await _copy(connection, "outcomes", OUTCOME_COLUMNS, outcome_rows)
            except asyncpg.UniqueViolationError as error:
                raise InputError("an outcome's message id or key is known already, or comes twice") from error
            if events:
                await connection.fetch(self._sql["announce_head"], str(events[-1].position))
        self._events.epoch = epoch or self._events.epoch
        if events:
            self._reached(events[-1].position)

    async def _check(
        self,
        connection: Connection,
        events: Sequence[RecordedEvent],
        outcomes: Sequence[RecordedOutcome],
        epoch: str | None,
    ) -> None:
        """Take the writers' lock, and refuse what does not go on from where the log ends."""
        head = head_of(await connection.fetchrow(self._sql["lock_head"], self._lock_key, None))
        ending = Ending(head.position, head.floor, head.outcome)
        check_epoch(epoch, self._events.epoch, ending)
        streams = list({event.stream for event in events})
        versions = dict(await connection.fetch(self._sql["read_heads"], streams)) if streams else {}
        check_load(events, outcomes, ending, versions)


async def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> None:
    if rows:
        await connection.copy_records_to_table(
            table, schema_name="twofold", columns=columns, records=rows, timeout=COPY_SECONDS
        )


def _event_rows(events: Sequence[RecordedEvent]) -> Rows:
    rows: Rows = []
    places: dict[str, tuple[str, int]] = {}
    for event in events:
        (position, stream, version, kind, schema_version, data, message_id, causation, correlation, recorded_at,
         origin) = astuple(event)  # fmt: skip
        place = places.get(stream)
        if place is None:
            place = places[stream] = (category_of(stream), slice_of(stream))
        rows.append((
            position, stream, version, *place, kind, schema_version, data, UUID(message_id), UUID(causation),
            UUID(correlation), None if origin == NO_ORIGIN else origin, recorded_at,
        ))  # fmt: skip
    return rows


def _outcome_row(recorded: RecordedOutcome) -> tuple[Any, ...]:
    outcome = recorded.outcome
    own_correlation = outcome.correlation_id == outcome.message_id
    return (
        recorded.number, UUID(outcome.message_id), outcome.command, outcome.status, outcome.stream, recorded.version,
        recorded.position, recorded.events, recorded.recorded_at, outcome.duration,
        None if own_correlation else UUID(outcome.correlation_id),
        None if outcome.origin == NO_ORIGIN else outcome.origin,
        outcome.scope if outcome.key is not None else outcome.scope or None, outcome.key,
        outcome.payload_hash or None, outcome.code, outcome.message, outcome.details,
    )  # fmt: skip
