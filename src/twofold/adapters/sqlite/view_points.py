"""Reads by key, on the event loop's own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import apsw

from twofold.adapters.sql.view_marks import NOTHING
from twofold.adapters.sqlite.connection import rolled_back
from twofold.adapters.sqlite.view_generation import GenerationTable
from twofold.adapters.sqlite.view_generations import Generations
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Found, Generation, Key, ViewTable

T = TypeVar("T")
Held = tuple[ViewTable, GenerationTable, Mark]
READS_A_SNAPSHOT = 256


class PointReads:
    """Reads single rows, each with the checkpoint of the same moment.

    A read alone is one statement. From the second in one turn of the event loop on they share a snapshot, since
    opening one takes SQLite longer than finding a row. It is let go at the end of the turn, after 256 reads, when this
    process commits, and before any other kind of read: nobody here sees an older moment after a newer one.
    """

    def __init__(self, connection: apsw.Connection, generations: Generations) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._generations = generations
        self._held: dict[str, Held] = {}
        self._left = 0
        self._is_not_first = False

    def get(self, table: ViewTable, key: Key) -> Found:
        """The row with this key, or none. Raises StoreUnusableError when the live rows have other columns."""
        if self._left > 0:
            self._left -= 1
            return self._get_held(table, key)
        if self._is_not_first:
            self._hold()
            return self._get_held(table, key)
        self._is_not_first = True
        asyncio.get_running_loop().call_soon(self._end_turn)
        live = self._generations.last_live(table)
        found = None if live is None else live.get(self._cursor, key)
        return found or self.at_once(lambda _: self._get_on_snapshot(table, key))

    def get_of(self, generation: Generation, table: ViewTable, key: Key) -> Found:
        """The row with this key, or none, in *generation*, live or not."""
        copy = self._generations.of(generation, table)
        return self.at_once(
            lambda connection: copy.own(self._cursor, key, self._generations.own_mark(connection, generation))
        )

    def at_once(self, read: Callable[[apsw.Connection], T]) -> T:
        """Another short read, on a snapshot of its own."""
        self.let_go()
        self._connection.execute("BEGIN")
        try:
            return read(self._connection)
        finally:
            rolled_back(self._connection)

    def let_go(self) -> None:
        """Give up the snapshot that is held, if one is: what is read from now on is what is there now."""
        if self._held or self._left:
            self._held.clear()
            self._left = 0
            rolled_back(self._connection)

    def _hold(self) -> None:
        self.let_go()
        self._connection.execute("BEGIN")
        self._left = READS_A_SNAPSHOT

    def _end_turn(self) -> None:
        self._is_not_first = False
        self.let_go()

    def _get_held(self, table: ViewTable, key: Key) -> Found:
        held = self._held.get(table.view)
        if held is None or held[0] is not table:
            held = self._find(table)
            if held is None:
                return Found([], NOTHING, 0)
            self._held[table.view] = held
        _, live, mark = held
        return live.found(self._cursor, key, mark)

    def _get_on_snapshot(self, table: ViewTable, key: Key) -> Found:
        found = self._find(table)
        if found is None:
            return Found([], NOTHING, 0)
        _, live, mark = found
        return live.found(self._cursor, key, mark)

    def _find(self, table: ViewTable) -> Held | None:
        """What answers for *table* in the snapshot of this moment."""
        live = self._generations.live(self._connection, table)
        return None if live is None else (table, live, self._generations.mark(self._connection, live))
