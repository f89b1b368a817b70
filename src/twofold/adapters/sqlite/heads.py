"""Where every stream ends: read once, kept in memory, and known to be right while no other process writes."""

from __future__ import annotations

import sys
from array import array

import apsw

from twofold.adapters.sqlite.connection import fetch
from twofold.event_store.recorded_event import NO_CHECK, check_of
from twofold.event_store.stream import category_of, slice_of

SEGMENT = 128
MAX_HEADS = 16_384


class Head:
    """The end of one stream. `recent` are positions of its unfinished segment, as far as this process knows them."""

    __slots__ = ("position", "recent", "stored", "stream", "version")

    def __init__(self, stream: int, version: int, position: int, *, stored: bool) -> None:
        self.stream = stream
        self.version = version
        self.position = position
        self.stored = stored
        self.recent = array("q")


class Heads:
    """The heads of streams that were written lately, and the counters of the log."""

    def __init__(self, connection: apsw.Connection, statements: dict[str, str]) -> None:
        self._connection = connection
        self._sql = statements
        self._known: dict[str, Head] = {}
        self.position = self.stream = self.outcome = self.recorded_at = 0
        self.check = NO_CHECK
        self._data_version = -1

    def refresh(self) -> None:
        """Inside the write transaction: forget everything if another process has written since."""
        version = self._connection.pragma("data_version")
        if version != self._data_version:
            self._data_version = version
            self._known.clear()
            self._read_counters()
        elif len(self._known) > MAX_HEADS:
            self._known.clear()

    def forget(self) -> None:
        """After a transaction that did not commit: nothing in memory is to be believed."""
        self._data_version = -1

    def of(self, name: str) -> Head:
        """The head of stream *name*; an unknown stream has one at version 0 that is not stored."""
        head = self._known.get(name)
        if head is None:
            rows = fetch(self._connection, self._sql["read_head"], (name,))
            head = Head(*rows[0], stored=True) if rows else Head(0, 0, 0, stored=False)
            self._known[name] = head
        return head

    def create(self, name: str, head: Head) -> tuple[int, str, str, int]:
        """Number a stream that gets its first event; returns its row."""
        self.stream += 1
        head.stream = self.stream
        head.stored = True
        return (head.stream, name, category_of(name), slice_of(name))

    def segment(self, head: Head) -> bytes:
        """The positions of the segment that *head* has just completed, packed as little-endian int64.

        Call it once the segment's events are inserted.
        """
        recent = head.recent
        head.recent = array("q")
        if len(recent) < SEGMENT:
            chain = fetch(self._connection, self._sql["read_chain"], (head.position, head.version - SEGMENT))
            recent = array("q", [position for (position,) in chain])
        return pack(recent)

    def _read_counters(self) -> None:
        connection, sql = self._connection, self._sql
        self.stream, self.outcome, self.recorded_at = fetch(connection, sql["read_counters"])[0]
        last = fetch(connection, sql["read_mark"], (2**63 - 1,))
        self.position, self.check = (last[0][0], check_of(last[0][1])) if last else (0, NO_CHECK)


def pack(positions: array[int]) -> bytes:
    """Positions as little-endian int64 on every machine."""
    if sys.byteorder == "big":
        positions = array("q", positions)
        positions.byteswap()
    return positions.tobytes()


def unpack(packed: bytes) -> array[int]:
    """The positions that `pack` packed."""
    positions = array("q")
    positions.frombytes(packed)
    if sys.byteorder == "big":
        positions.byteswap()
    return positions
