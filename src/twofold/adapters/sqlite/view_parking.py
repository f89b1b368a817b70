"""Parked rows in a view store's file."""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from twofold.adapters.sql.view_shape import key_json, key_of_json
from twofold.adapters.sqlite.connection import fetch
from twofold.read.parking import Failure, Parked, Parking
from twofold.read.view_store import Generation, Key, ViewTable


class ParkedRows:
    """Reads and writes what is parked, inside the caller's transaction."""

    def __init__(self, statements: dict[str, str]) -> None:
        self._sql = statements

    def park(self, connection: apsw.Connection, generation: Generation, shard: int, parking: Iterable[Parking]) -> None:
        """Apply *parking*."""
        for each in parking:
            place = (generation.view, generation.number, key_json(each.key))
            if each.failure is not None:
                failure = each.failure
                connection.execute(self._sql["park_row"], (*place, shard, *failure)).fetchall()
            added = [(*place, position) for position in each.waiting if position > each.done]
            if added:
                connection.executemany(self._sql["add_waiting"], added)
            connection.execute(self._sql["done_waiting"], (*place, each.done)).fetchall()
            connection.execute(self._sql["let_row_go"], place).fetchall()

    def keys(
        self, connection: apsw.Connection, generation: Generation, table: ViewTable, shard: int | None
    ) -> list[Parked]:
        """See ParkingLot.parked_keys."""
        found = []
        for row in fetch(connection, self._sql["parked_rows"], (generation.view, generation.number, shard)):
            at, key, *failure, waiting, last, since = row
            found.append(Parked(at, key_of_json(table, key), Failure(*failure), waiting, last, since))
        return found

    def events(
        self, connection: apsw.Connection, generation: Generation, shard: int, key: Key, limit: int
    ) -> list[int]:
        """See ParkingLot.parked_events."""
        values = (generation.view, generation.number, shard, key_json(key), limit)
        return [position for (position,) in fetch(connection, self._sql["parked_events"], values)]
