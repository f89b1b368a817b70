"""What the benches ask of a database: a place for twofold, and the bare driver's figures for the same rows."""

from __future__ import annotations

from typing import Protocol

EVENT = b'{"amount":"1.50"}'
ID = b"0123456789abcdef"


class Limits(Protocol):
    """The bare driver doing the same rows, with nothing of twofold in between. Every call has a place of its own."""

    async def commands(self, group: int, total: int, streams: int) -> float:
        """Durable commands a second: one event and one outcome each, *group* of them a transaction."""

    async def units(self, connections: int, total: int) -> float:
        """Orders a second with their items, an event and an outcome, one a transaction, on *connections* at most."""

    async def append(self, batch: int, events: int) -> float:
        """Events a second in bulk, *batch* a transaction."""

    async def read_stream(self, events: int) -> float:
        """Seconds to read and decode a stream of *events*."""

    async def snapshots(self, url: str, stream: str, reads: int) -> float:
        """Reads a second of *stream*'s snapshot in the log at *url*."""

    async def fold(self, url: str, page: int) -> float:
        """Events a second folded into rows, *page* events a transaction, from twofold's own log at *url*."""

    async def get(self, rows: int, reads: int) -> float:
        """Reads a second of one row by key, out of *rows*."""


class Store(Protocol):
    """A kind of database. What `url` made is gone after the line that asked for it."""

    name: str

    @property
    def limits(self) -> Limits:
        """What the bare driver does here."""

    def url(self, label: str) -> str:
        """Where twofold opens a new, empty store."""

    async def script(self, url: str, statements: str) -> None:
        """Run *statements* there, on a connection of their own."""

    async def settle(self, url: str) -> None:
        """Have the database do what a large load left to be done, so that it does not fall into what is timed."""
