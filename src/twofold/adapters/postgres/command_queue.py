"""Queued commands in a PostgreSQL database."""

from __future__ import annotations

from twofold.adapters.postgres.appending import Now
from twofold.adapters.postgres.database import Database
from twofold.event_store.store import Backlog, QueuedCommand


class PostgresCommandQueue:
    """Commands that were taken on durably, beside the log."""

    def __init__(self, database: Database, sql: dict[str, str], now: Now) -> None:
        self._database = database
        self._sql = sql
        self._now = now

    async def put(self, message_id: bytes, command: str, data: bytes, context: bytes) -> None:
        """See CommandQueue.put."""
        await self._database.fetch(self._sql["queue_command"], message_id, command, data, context, self._now())

    async def waiting(self, after: int = 0, limit: int = 100) -> list[QueuedCommand]:
        """See CommandQueue.waiting."""
        return [QueuedCommand(*row) for row in await self._database.fetch(self._sql["queued_commands"], after, limit)]

    async def get(self, message_id: bytes) -> QueuedCommand | None:
        """See CommandQueue.get."""
        row = await self._database.row(self._sql["queued_command"], message_id)
        return None if row is None else QueuedCommand(*row)

    async def remove(self, number: int) -> None:
        """See CommandQueue.remove."""
        await self._database.fetch(self._sql["unqueue_command"], number)

    async def backlog(self, up_to: int = 10_000) -> Backlog:
        """See CommandQueue.backlog."""
        (row,) = await self._database.fetch(self._sql["count_queued_commands"], up_to)
        return Backlog(*row)
