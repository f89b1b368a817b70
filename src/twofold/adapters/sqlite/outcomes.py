"""The log of commands in an SQLite file."""

from __future__ import annotations

import apsw

from twofold.adapters.sqlite.connection import fetch
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.names import Names
from twofold.adapters.sqlite.outcome_rows import key_hash, outcome_of
from twofold.adapters.sqlite.writer import Writer
from twofold.event_store.outcome import RecordedOutcome


class SqliteOutcomes:
    """Reads what the event store writes with each command."""

    def __init__(self, writer: Writer, reader: apsw.Connection, sql: dict[str, str]) -> None:
        self._writer = writer
        self._reader = reader
        self._sql = sql
        self._names = Names(reader, sql)

    async def by_key(self, scope: str, key: str) -> RecordedOutcome | None:
        """See Outcomes.by_key."""
        return self._first("outcome_by_key", (key_hash(scope, key), scope, key))

    async def by_id(self, message_id: bytes) -> RecordedOutcome | None:
        """See Outcomes.by_id."""
        return self._first("outcome_by_id", (message_id,))

    async def recent(
        self, *, before: int | None = None, limit: int = 100, status: int | None = None, command: str | None = None
    ) -> list[RecordedOutcome]:
        """See Outcomes.recent."""
        below = 2**63 - 1 if before is None else before
        with translated(self._writer.path):
            rows = fetch(self._reader, self._sql["recent_outcomes"], (below, status, command, limit))
        return [outcome_of(row, self._names) for row in rows]

    async def expire(self, recorded_before: int, limit: int) -> int:
        """See Outcomes.expire."""
        connection = self._writer.connection

        def drop() -> int:
            connection.execute(self._sql["expire_outcomes"], (recorded_before, limit)).fetchall()
            return connection.changes()

        return await self._writer.transact(drop)

    def _first(self, name: str, bindings: tuple[object, ...]) -> RecordedOutcome | None:
        with translated(self._writer.path):
            rows = fetch(self._reader, self._sql[name], bindings)
        return outcome_of(rows[0], self._names) if rows else None
