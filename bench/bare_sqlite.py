"""SQLite and its limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import msgspec

from bench import orders
from bench.domain import MoneyDeposited
from bench.store import EVENT, ID


class SqliteStore:
    """Files in *folder*."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.limits = SqliteLimits(folder)
        self._folder = folder

    def url(self, label: str) -> str:
        return f"sqlite:///{self._folder}/{label}.db"

    async def script(self, url: str, statements: str) -> None:
        with database(path_of(url)) as connection:
            connection.execute(statements).fetchall()

    async def settle(self, url: str) -> None:
        """Nothing is left: the log's own checkpointer goes along."""


class SqliteLimits:
    """apsw, as `Limits` wants it."""

    def __init__(self, folder: Path) -> None:
        self._files = (folder / f"bare-{number}.db" for number in count(1))

    async def commands(self, group: int, total: int, streams: int) -> float:
        with database(next(self._files)) as connection:
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

    async def units(self, connections: int, total: int) -> float:  # noqa: ARG002 - there is one writer
        with database(next(self._files)) as connection:
            log_tables(connection)
            run = connection.execute
            run(orders.TABLES).fetchall()
            started = time.perf_counter()
            for n in range(total):
                run("BEGIN IMMEDIATE")
                run(orders.ORDER, (n, "ada"))
                connection.executemany(orders.ITEM, orders.items_of(n))
                run("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (n + 1, n, 1, 1, EVENT, ID, ID, 1))
                values = (n + 1, n.to_bytes(16, "big"), 1, 1, "Order-x", n, n, 1, 1, 1)
                run("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
                run("COMMIT")
            return total / (time.perf_counter() - started)

    async def append(self, batch: int, events: int) -> float:
        with database(next(self._files)) as connection:
            log_tables(connection)
            started = time.perf_counter()
            for first in range(0, events, batch):
                with connection:
                    connection.executemany(
                        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        [(n + 1, n // 10 % 1000, n, 1, EVENT, ID, ID, 1) for n in range(first, first + batch)],
                    )
            return events / (time.perf_counter() - started)

    async def read_stream(self, events: int) -> float:
        with database(next(self._files)) as connection:
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

    async def snapshots(self, url: str, stream: str, reads: int) -> float:
        with database(path_of(url)) as connection:
            started = time.perf_counter()
            for _ in range(reads):
                connection.execute("SELECT version, data FROM snapshots WHERE stream = ?", (stream,)).fetchall()
            return reads / (time.perf_counter() - started)

    async def fold(self, url: str, page: int) -> float:
        decode = msgspec.json.decode
        with database(next(self._files), "normal") as rows, database(path_of(url)) as source:
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
                        [(stream, deposits, after) for stream, deposits in sums.items()],
                    )
            return total / (time.perf_counter() - started)

    async def get(self, rows: int, reads: int) -> float:
        with database(next(self._files), "normal") as connection:
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


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def log_tables(connection: apsw.Connection) -> None:
    """Events and outcomes as a textbook would have them: a row each, unique by stream and version."""
    connection.execute(
        "CREATE TABLE events (position INTEGER PRIMARY KEY, stream INTEGER, version INTEGER, type INTEGER, data BLOB,"
        " message_id BLOB, causation_id BLOB, recorded_at INTEGER, UNIQUE (stream, version));"
        "CREATE TABLE outcomes (number INTEGER PRIMARY KEY, message_id BLOB UNIQUE, command INTEGER, status INTEGER,"
        " stream TEXT, version INTEGER, position INTEGER, events INTEGER, recorded_at INTEGER, duration INTEGER)"
    ).fetchall()


def page_after(source: apsw.Connection, after: int, limit: int) -> list[Any]:
    """The next events of twofold's own log file: position, stream, data."""
    sql = "SELECT position, stream, data FROM events WHERE position > ? ORDER BY position LIMIT ?"
    return source.execute(sql, (after, limit)).fetchall()
