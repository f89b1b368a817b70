"""The log of commands in a PostgreSQL database."""

from __future__ import annotations

from typing import Any

from twofold.adapters.postgres.database import Database
from twofold.adapters.postgres.outcome_rows import outcome_of
from twofold.event_store.outcome import RecordedOutcome


class PostgresOutcomes:
    """Reads what the event store writes with each command."""

    def __init__(self, database: Database, sql: dict[str, str]) -> None:
        self._database = database
        self._sql = sql

    async def by_key(self, scope: str, key: str) -> RecordedOutcome | None:
        """See Outcomes.by_key."""
        return await self._first("outcome_by_key", scope, key)

    async def by_id(self, message_id: bytes) -> RecordedOutcome | None:
        """See Outcomes.by_id."""
        return await self._first("outcome_by_id", message_id)

    async def recent(
        self, *, before: int | None = None, limit: int = 100, status: int | None = None, command: str | None = None
    ) -> list[RecordedOutcome]:
        """See Outcomes.recent."""
        below = 2**63 - 1 if before is None else before
        rows = await self._database.fetch(self._sql["recent_outcomes"], below, status, command, limit)
        return [outcome_of(row) for row in rows]

    async def expire(self, recorded_before: int, limit: int) -> int:
        """See Outcomes.expire."""
        async with self._database.statement() as connection:
            done = await connection.execute(self._sql["expire_outcomes"], recorded_before, limit)
        return int(done.rpartition(" ")[2])

    async def _first(self, name: str, *arguments: Any) -> RecordedOutcome | None:
        row = await self._database.row(self._sql[name], *arguments)
        return None if row is None else outcome_of(row)
