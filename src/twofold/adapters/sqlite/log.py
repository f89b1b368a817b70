"""Opens a log in an SQLite file."""

from __future__ import annotations

from contextlib import ExitStack
from uuid import uuid4

import apsw

from twofold.adapters.sql.statements import load_migrations, load_statements
from twofold.adapters.sqlite.batch import BatchWriter
from twofold.adapters.sqlite.bulk import SqliteBulk
from twofold.adapters.sqlite.checkpointer import Checkpointer
from twofold.adapters.sqlite.command_queue import SqliteCommandQueue
from twofold.adapters.sqlite.connection import one, open_connection, open_file
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.event_store import SqliteEventStore
from twofold.adapters.sqlite.leases import SqliteLeases
from twofold.adapters.sqlite.names import Names
from twofold.adapters.sqlite.outcomes import SqliteOutcomes
from twofold.adapters.sqlite.snapshots import SqliteSnapshots
from twofold.adapters.sqlite.transactions import SqliteTransactions
from twofold.adapters.sqlite.writer import Writer
from twofold.clock import Clock, SystemClock
from twofold.event_store.bulk import Bulk
from twofold.event_store.leases import Leases
from twofold.event_store.store import CommandQueue, EventStore, Outcomes, Snapshots, Transactions

APPLICATION_ID = 0x32664C47  # "2fLG"
PACKAGE = "twofold.adapters.sqlite"


class SqliteLog:
    """An open log file: its ports, and its end."""

    def __init__(self, path: str, clock: Clock, synchronous: str, vfs: str | None) -> None:
        sql = self._sql = load_statements(PACKAGE)
        with ExitStack() as closing:
            connection = open_file(path, load_migrations(PACKAGE), APPLICATION_ID, synchronous=synchronous, vfs=vfs)
            closing.callback(connection.close)
            with translated(path):
                epoch = _epoch(connection, sql, clock)
            self._reader = open_connection(path, synchronous=synchronous, vfs=vfs)
            closing.callback(self._reader.close)
            self._checkpointer = Checkpointer(connection, open_connection(path, synchronous=synchronous, vfs=vfs))
            closing.pop_all()
        self._writer = Writer(connection, path)
        batch = BatchWriter(connection, sql, Names(connection, sql), clock.now_micros)
        self._writer.forget = batch.forget
        events = SqliteEventStore(self._writer, self._reader, sql, batch, epoch)
        self.events: EventStore = events
        self.outcomes: Outcomes = SqliteOutcomes(self._writer, self._reader, sql)
        self.snapshots: Snapshots = SqliteSnapshots(self._writer, self._reader, sql)
        self.queue: CommandQueue = SqliteCommandQueue(self._writer, self._reader, sql, clock)
        self.leases: Leases = SqliteLeases(self._writer, self._reader, sql, clock)
        self.bulk: Bulk = SqliteBulk(self._writer, self._reader, sql, batch.heads, events)
        self.transactions: Transactions | None = SqliteTransactions(self._writer, batch, events.wake)
        self._facts = {
            "sqlite": apsw.sqlite_lib_version(),
            "file": path,
            "journal_mode": str(connection.pragma("journal_mode")),
            "synchronous": synchronous,
        }
        self._is_open = True

    def facts(self) -> dict[str, str]:
        """What the store says of itself, for people: SQLite's version, the file, and how durable it is."""
        return dict(self._facts)

    async def renew_epoch(self) -> str:
        """See Log.renew_epoch."""
        epoch, connection, statement = uuid4().hex, self._writer.connection, self._sql["renew_epoch"]
        await self._writer.transact(lambda: connection.execute(statement, (epoch,)).fetchall())
        self.events.epoch = epoch
        return epoch

    async def close(self) -> None:
        """See Log.close."""
        if self._is_open:
            self._is_open = False
            self._checkpointer.close()
            self._reader.close()
            await self._writer.close()


def _epoch(connection: apsw.Connection, sql: dict[str, str], clock: Clock) -> str:
    connection.execute("BEGIN IMMEDIATE").fetchall()
    row = one(connection, sql["read_store"])
    if row is None:
        row = (uuid4().hex, 0)
        connection.execute(sql["insert_store"], (row[0], clock.now_micros())).fetchall()
    connection.execute("COMMIT").fetchall()
    return str(row[0])


async def open_sqlite_log(
    path: str, clock: Clock | None = None, *, synchronous: str = "full", vfs: str | None = None
) -> SqliteLog:
    """Open the log at *path*, made if it is not there.

    Args:
        path: a file on a local disk.
        clock: gives `recorded_at`; the system's when None.
        synchronous: "full" survives a power loss; "normal" may lose the last commits then.
        vfs: the name of a registered APSW VFS, for fault tests.

    Raises:
        StoreUnusableError: not a twofold log, a newer schema, read-only, damaged; the text names the remedy.
        StoreUnavailableError: the disk is full or the file is locked.
    """
    return SqliteLog(path, clock or SystemClock(), synchronous, vfs)
