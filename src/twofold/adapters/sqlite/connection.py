"""Opens SQLite files the way twofold needs them, and brings their schema up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from twofold.adapters.sql.migration import Migration
from twofold.adapters.sqlite.errors import translated
from twofold.errors import StoreUnusableError

BUSY_MILLIS = 5_000
CACHE_KIB = 65_536


def open_connection(
    path: str, *, synchronous: str = "full", cache_kib: int = CACHE_KIB, vfs: str | None = None
) -> apsw.Connection:
    """A read-write connection in WAL mode that never checkpoints by itself.

    Raises StoreUnusableError when the file is none of SQLite's, or cannot be opened and written.
    """
    connection = _connected(path, vfs)
    with _closed_on_error(connection, path):
        _set_up(connection, path, synchronous, cache_kib)
    return connection


def open_file(
    path: str, steps: Sequence[Migration], application_id: int, *, synchronous: str, vfs: str | None = None
) -> apsw.Connection:
    """The first connection to a store's file, made when it is not there and brought up to date.

    Raises StoreUnusableError, the file untouched, when it belongs to another program or a newer twofold.
    """
    connection = _connected(path, vfs)
    with _closed_on_error(connection, path):
        _refuse_read_only(connection, path)
        schema_version(connection, path, steps, application_id)
        _set_up(connection, path, synchronous, CACHE_KIB)
        migrate(connection, path, steps, application_id)
    return connection


def _connected(path: str, vfs: str | None) -> apsw.Connection:
    with translated(path):
        connection = apsw.Connection(path, vfs=vfs, statementcachesize=256)
        connection.set_busy_timeout(BUSY_MILLIS)
    return connection


@contextmanager
def _closed_on_error(connection: apsw.Connection, path: str) -> Iterator[None]:
    try:
        with translated(path):
            yield
    except BaseException:
        connection.close()
        raise


def _set_up(connection: apsw.Connection, path: str, synchronous: str, cache_kib: int) -> None:
    pragma = connection.pragma
    _refuse_read_only(connection, path)
    if pragma("journal_mode", "wal") != "wal":
        raise StoreUnusableError(f"{path} cannot use a write-ahead log here (a network file system?); use a local disk")
    pragma("synchronous", synchronous)
    pragma("wal_autocheckpoint", 0)
    pragma("cache_size", -cache_kib)
    pragma("temp_store", "memory")
    pragma("foreign_keys", 1)  # of a team's own tables
    # Without it SQLite prepares some statements, joins above all, again for every new value that is bound.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def _refuse_read_only(connection: apsw.Connection, path: str) -> None:
    if connection.readonly("main"):
        raise StoreUnusableError(f"{path} is read-only; give this process write permission on the file and its folder")


def migrate(connection: apsw.Connection, path: str, steps: Sequence[Migration], application_id: int) -> int:
    """Apply the steps this file does not have yet, under the write lock; returns the version it had.

    Raises StoreUnusableError when the file belongs to another program or was written by a newer twofold.
    """
    with translated(path):
        if schema_version(connection, path, steps, application_id) == len(steps):
            return len(steps)
        connection.execute("BEGIN IMMEDIATE").fetchall()
        try:
            had = schema_version(connection, path, steps, application_id)
            for step in steps[had:]:
                connection.execute(step.script).fetchall()
            connection.pragma("application_id", application_id)
            connection.pragma("user_version", len(steps))
            connection.execute("COMMIT").fetchall()
        except BaseException:
            rolled_back(connection)
            raise
    return had


def schema_version(connection: apsw.Connection, path: str, steps: Sequence[Migration], application_id: int) -> int:
    """How many of *steps* the file has. Raises StoreUnusableError as `migrate` does."""
    with connection:  # one snapshot: another process may be making the file at this moment
        owner = connection.pragma("application_id")
        version = int(connection.pragma("user_version"))
        is_empty = not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    if owner != application_id and not (owner == 0 and is_empty):
        raise StoreUnusableError(f"{path} is an SQLite file of something else; name another file")
    if version > len(steps):
        raise StoreUnusableError(
            f"{path} has schema version {version}, newer than this twofold knows ({len(steps)}); upgrade twofold"
        )
    return version


def rolled_back(connection: apsw.Connection) -> None:
    """End the transaction that is open, if one is."""
    if connection.in_transaction:
        connection.execute("ROLLBACK").fetchall()


class ForkGuard:
    """Refuses to use a connection in a process that was forked from its opener: SQLite files break that way."""

    __slots__ = ("_forks", "_path")
    forks = 0

    def __init__(self, path: str) -> None:
        self._path = path
        self._forks = ForkGuard.forks

    def check(self) -> None:
        """Raises StoreUnusableError in any process but the one that opened the store."""
        if ForkGuard.forks != self._forks:
            raise StoreUnusableError(f"{self._path} was opened before this process was forked; open it again here")

    @classmethod
    def forked(cls) -> None:
        """This process is a fork: whatever was opened before is its parent's."""
        cls.forks += 1


os.register_at_fork(after_in_child=ForkGuard.forked)


def fetch(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...] | dict[str, Any] = ()) -> list[Any]:
    """All rows of a statement, which is run to its end."""
    return connection.execute(sql, bindings).fetchall()


def one(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
    """The first row, or None; the statement is run to its end."""
    rows = fetch(connection, sql, bindings)
    return rows[0] if rows else None
