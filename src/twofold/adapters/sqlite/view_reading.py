"""Queries through apsw itself, on one snapshot of a view store's file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import apsw

from twofold.adapters.sqlite.connection import rolled_back

LENT = 4
PIN = "SELECT 1 FROM sqlite_schema"
"""Takes the snapshot: BEGIN does not."""


class LentReaders:
    """A few connections for strangers. Rows are read with others, so who holds one of these may read rows too."""

    def __init__(self, open_reader: Callable[[], apsw.Connection], check: Callable[[], None]) -> None:
        self._open_reader = open_reader
        self._check = check
        self._free = asyncio.Semaphore(LENT)
        self._idle: list[apsw.Connection] = []

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[apsw.Connection]:
        """See ClientReads.reading. Its statements run on the event loop."""
        self._check()
        async with self._free:
            self._check()
            connection = self._idle.pop() if self._idle else self._open_reader()
            connection.pragma("query_only", 1)
            connection.execute("BEGIN")
            connection.execute(PIN).fetchall()
            try:
                yield connection
            finally:
                rolled_back(connection)
                self._idle.append(connection)

    async def close(self) -> None:
        """Wait until every connection is back, and close them."""
        for _ in range(LENT):
            await self._free.acquire()
        for connection in self._idle:
            connection.close()
        self._idle.clear()
        for _ in range(LENT):
            self._free.release()
