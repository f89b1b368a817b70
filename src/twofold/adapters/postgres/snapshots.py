"""Folded states in a PostgreSQL database."""

from __future__ import annotations

from twofold.adapters.postgres.database import Database
from twofold.event_store.store import Snapshot


class PostgresSnapshots:
    """Keeps the newest snapshot of each stream."""

    def __init__(self, database: Database, sql: dict[str, str]) -> None:
        self._database = database
        self._sql = sql

    async def load(self, stream: str, fingerprint: str, up_to: int | None = None) -> Snapshot | None:
        """See Snapshots.load."""
        highest = 2**63 - 1 if up_to is None else up_to
        row = await self._database.row(self._sql["load_snapshot"], stream, fingerprint, highest)
        return None if row is None else Snapshot(stream, row[0], fingerprint, row[1])

    async def save(self, snapshot: Snapshot) -> None:
        """See Snapshots.save."""
        stream, version, fingerprint = snapshot.stream, snapshot.version, snapshot.fingerprint
        async with self._database.transaction() as connection:
            await connection.execute(self._sql["save_snapshot"], stream, fingerprint, version, snapshot.data)
            await connection.execute(self._sql["drop_old_snapshots"], stream, fingerprint, version)
