"""Parked rows in a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.sql.view_shape import key_json, key_of_json
from twofold.read.parking import Failure, Parked, Parking
from twofold.read.view_store import Generation, Key, ViewTable


class ParkedRows:
    """Writes what is parked inside the caller's transaction, and reads it."""

    def __init__(self, sql: Mapping[str, str], database: Database) -> None:
        self._sql = sql
        self._database = database

    async def park(
        self, connection: Connection, generation: Generation, shard: int, parking: Iterable[Parking]
    ) -> None:
        """Apply *parking*."""
        for each in parking:
            key = key_json(each.key)
            place = (generation.view, generation.number, _hash(key))
            if each.failure is not None:
                await connection.execute(self._sql["park_row"], *place, shard, *each.failure, key)
            added = [position for position in each.waiting if position > each.done]
            if added:
                await connection.execute(self._sql["add_waiting"], *place, added)
            await connection.execute(self._sql["done_waiting"], *place, each.done)
            await connection.execute(self._sql["let_row_go"], *place)

    async def keys(self, generation: Generation, table: ViewTable, shard: int | None) -> list[Parked]:
        """See ParkingLot.parked_keys."""
        found = []
        for row in await self._database.fetch(self._sql["parked_rows"], generation.view, generation.number, shard):
            at, key, *failure, waiting, last, since = row
            found.append(Parked(at, key_of_json(table, key), Failure(*failure), waiting, last, since))
        return found

    async def events(self, generation: Generation, shard: int, key: Key, limit: int) -> list[int]:
        """See ParkingLot.parked_events."""
        values = (generation.view, generation.number, shard, _hash(key_json(key)), limit)
        return [position for (position,) in await self._database.fetch(self._sql["parked_events"], *values)]


def _hash(key: str) -> bytes:
    return sha256(key.encode()).digest()
