"""Loads whole logs into a PostgreSQL database by COPY, and reads outcomes oldest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from twofold.adapters.postgres.batch import head_of
from twofold.adapters.postgres.copying import COLUMNS, copied
from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.outcome_rows import outcome_of
from twofold.errors import InputError
from twofold.event_store.bulk import Ending, check_epoch, check_load
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore
from twofold.messages.metadata import NO_ORIGIN

OUTCOME_COLUMNS = (
    "number", "message_id", "command", "status", "stream", "version", "position", "events", "recorded_at", "duration",
    "correlation_id", "origin", "scope", "key", "payload_hash", "code", "message", "details",
)  # fmt: skip
SCHEMA = "twofold"
LONG = 600.0
"""Seconds that one COPY may take."""

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
        rows = [_outcome_row(each) for each in outcomes]
        async with self._database.transaction() as connection:
            await self._check(connection, events, outcomes, epoch)
            if epoch is not None:
                await connection.execute(self._sql["renew_epoch"], epoch)
            if events:
                await connection.copy_to_table(
                    "events", schema_name=SCHEMA, columns=COLUMNS, source=copied(events), format="binary", timeout=LONG
                )
                await connection.fetch(self._sql["announce_head"], str(events[-1].position))
            if outcomes:
                await _copy_outcomes(connection, rows)
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


async def _copy_outcomes(connection: Connection, rows: Rows) -> None:
    try:
        await connection.copy_records_to_table(
            "outcomes", schema_name=SCHEMA, columns=OUTCOME_COLUMNS, records=rows, timeout=LONG
        )
    except asyncpg.UniqueViolationError as error:
        raise InputError("an outcome's message id or key is known already, or comes twice") from error


def _outcome_row(recorded: RecordedOutcome) -> tuple[Any, ...]:
    outcome = recorded.outcome
    return (
        recorded.number, UUID(outcome.message_id), outcome.command, outcome.status, outcome.stream, recorded.version,
        recorded.position, recorded.events, recorded.recorded_at, outcome.duration,
        UUID(outcome.correlation_id),
        None if outcome.origin == NO_ORIGIN else outcome.origin,
        outcome.scope if outcome.key is not None else outcome.scope or None, outcome.key,
        outcome.payload_hash or None, outcome.code, outcome.message, outcome.details,
    )  # fmt: skip
