"""Queued commands in an SQLite file."""

from __future__ import annotations

from typing import Any

import apsw

from twofold.adapters.sqlite.connection import fetch, one
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.writer import Writer
from twofold.clock import Clock
from twofold.event_store.store import Backlog, QueuedCommand


class SqliteCommandQueue:
    """Commands that were taken on durably, beside the log."""

    def __init__(self, writer: Writer, reader: apsw.Connection, sql: dict[str, str], clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._sql = sql
        self._clock = clock

    async def put(self, message_id: bytes, command: str, data: bytes, context: bytes) -> None:
        """See CommandQueue.put."""
        row = (message_id, command, data, context, self._clock.now_micros())
        await self._write("queue_command", row)

    async def waiting(self, after: int = 0, limit: int = 100) -> list[QueuedCommand]:
        """See CommandQueue.waiting."""
        return self._rows("queued_commands", (after, limit))

    async def get(self, message_id: bytes) -> QueuedCommand | None:
        """See CommandQueue.get."""
        found = self._rows("queued_command", (message_id,))
        return found[0] if found else None

    async def remove(self, number: int) -> None:
        """See CommandQueue.remove."""
        await self._write("unqueue_command", (number,))

    async def backlog(self, up_to: int = 10_000) -> Backlog:
        """See CommandQueue.backlog."""
        with translated(self._writer.path):
            return Backlog(*one(self._reader, self._sql["count_queued_commands"], (up_to,)))

    def _rows(self, name: str, bindings: tuple[Any, ...]) -> list[QueuedCommand]:
        with translated(self._writer.path):
            return [QueuedCommand(*row) for row in fetch(self._reader, self._sql[name], bindings)]

    async def _write(self, name: str, row: tuple[Any, ...]) -> None:
        await self._writer.transact(lambda: self._writer.connection.execute(self._sql[name], row).fetchall())
