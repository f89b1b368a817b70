"""The limits: the bare driver doing the same rows, with nothing of twofold in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from bench.domain import MoneyDeposited

EVENT = b'{"amount":"1.50"}'
ID = b"0123456789abcdef"


@contextmanager
def database(path: Path, synchronous: str = "full") -> Iterator[apsw.Connection]:
    """An SQLite file set up as twofold's log is."""
    connection = apsw.Connection(str(path))
    for name, value in (
        ("journal_mode", "wal"),
        ("synchronous", synchronous),
        ("wal_autocheckpoint", 10_000),
        ("cache_size", -65_536),
    ):
        connection.pragma(name, value)
    try:
        yield connection
    finally:
        connection.close()


def log_tables(connection: apsw.Connection) -> None:
    """Events and outcomes as a textbook would have them: a row each, unique by stream and version."""
    connection.execute(
        "CREATE TABLE events (position INTEGER PRIMARY KEY, stream INTEGER, version INTEGER, type INTEGER, data BLOB,"
        " message_id BLOB, causation_id BLOB, recorded_at INTEGER, UNIQUE (stream, version));"
        "CREATE TABLE outcomes (number INTEGER PRIMARY KEY, message_id BLOB UNIQUE, command INTEGER, status INTEGER,"
        " stream TEXT, version INTEGER, position INTEGER, events INTEGER, recorded_at INTEGER, duration INTEGER)"
    ).fetchall()


def commands(path: Path, group: int, total: int, streams: int) -> float:
    """Durable commands a second: one event and one outcome each, *group* of them a transaction."""
    with database(path) as connection:
        log_tables(connection)
        many, run = connection.cursor().executemany, connection.execute
        started = time.perf_counter()
        for first in range(0, total, group):
            places = range(first, first + group)
            run("BEGIN IMMEDIATE")
            many(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(n + 1, n % streams, n // streams, 1, EVENT, ID, ID, 1) for n in places],
            )
            many(
                "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(n + 1, n.to_bytes(16, "big"), 1, 1, "Account-x", n, n, 1, 1, 1) for n in places],
            )
            run("COMMIT")
        return total / (time.perf_counter() - started)


def read_stream(path: Path, events: int) -> float:
    """Seconds to read and decode a stream of *events*."""
    with database(path) as connection:
        log_tables(connection)
        rows = [(n + 1, 1, n + 1, 1, EVENT, ID, ID, 1) for n in range(events)]
        with connection:
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        decode = msgspec.json.Decoder(MoneyDeposited).decode
        best = 1e9
        for _ in range(5):
            started = time.perf_counter()
            found = connection.execute(
                "SELECT position, version, type, data FROM events WHERE stream = 1 ORDER BY version"
            )
            decoded = [decode(row[3]) for row in found]
            best = min(best, time.perf_counter() - started)
        assert len(decoded) == events
        return best


def page_after(source: apsw.Connection, after: int, limit: int) -> list[Any]:
    """The next events of twofold's own log file: position, stream, data."""
    sql = "SELECT position, stream, data FROM events WHERE position > ? ORDER BY position LIMIT ?"
    return source.execute(sql, (after, limit)).fetchall()


def fold(path: Path, log: Path, page: int) -> float:
    """Events a second folded into rows, *page* events a transaction, from twofold's own log file."""
    decode = msgspec.json.decode
    with database(path, "normal") as rows, database(log) as source:
        rows.execute(
            "CREATE TABLE pages (id INTEGER PRIMARY KEY, balance TEXT, deposits INTEGER, position INTEGER)"
        ).fetchall()
        total, after = 0, 0
        started = time.perf_counter()
        while found := page_after(source, after, page):
            sums: dict[int, int] = {}
            for _, stream, data in found:
                decode(data)
                sums[stream] = sums.get(stream, 0) + 1
            after, total = found[-1][0], total + len(found)
            with rows:
                rows.executemany(
                    "INSERT INTO pages VALUES (?, '1.50', ?, ?) ON CONFLICT (id) DO UPDATE SET"
                    " balance = excluded.balance, deposits = deposits + excluded.deposits,"
                    " position = excluded.position",
                    [(stream, count, after) for stream, count in sums.items()],
                )
        return total / (time.perf_counter() - started)


def get(path: Path, rows: int, reads: int) -> float:
    """Reads of one row by key a second."""
    with database(path, "normal") as connection:
        connection.execute(
            "CREATE TABLE pages (id TEXT PRIMARY KEY, owner TEXT, balance TEXT, deposits INTEGER) WITHOUT ROWID"
        ).fetchall()
        with connection:
            connection.executemany(
                "INSERT INTO pages VALUES (?, ?, ?, ?)", [(f"a{n}", "x", "1.50", 1) for n in range(rows)]
            )
        started = time.perf_counter()
        for n in range(reads):
            connection.execute(
                "SELECT id, owner, balance, deposits FROM pages WHERE id = ?", (f"a{n % rows}",)
            ).fetchall()
        return reads / (time.perf_counter() - started)
