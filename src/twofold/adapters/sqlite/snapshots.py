"""Folded states in an SQLite file."""

from __future__ import annotations

import apsw

from twofold.adapters.sqlite.connection import fetch
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.writer import Writer
from twofold.event_store.store import Snapshot


class SqliteSnapshots:
    """Keeps the newest snapshot of each stream."""

    def __init__(self, writer: Writer, reader: apsw.Connection, sql: dict[str, str]) -> None:
        self._writer = writer
        self._reader = reader
        self._sql = sql

    async def load(self, stream: str, fingerprint: str, up_to: int | None = None) -> Snapshot | None:
        """See Snapshots.load."""
        highest = 2**63 - 1 if up_to is None else up_to
        with translated(self._writer.path):
            rows = fetch(self._reader, self._sql["load_snapshot"], (stream, fingerprint, highest))
        return Snapshot(stream, rows[0][0], fingerprint, rows[0][1]) if rows else None

    async def save(self, snapshot: Snapshot) -> None:
        """See Snapshots.save."""
        run = self._writer.connection.execute
        stream, version, fingerprint = snapshot.stream, snapshot.version, snapshot.fingerprint

        def replace() -> None:
            run(self._sql["save_snapshot"], (stream, fingerprint, version, snapshot.data)).fetchall()
            run(self._sql["drop_old_snapshots"], (stream, fingerprint, version)).fetchall()

        await self._writer.transact(replace)
