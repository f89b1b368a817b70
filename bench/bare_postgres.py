"""PostgreSQL and its limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import asyncpg
import msgspec
from asyncpg.pgproto.pgproto import UUID

from bench import orders
from bench.domain import MoneyDeposited
from bench.store import EVENT, ID
from tests.servers.databases import Databases

TABLES = """
CREATE TABLE events (
    position bigint PRIMARY KEY, stream text COLLATE "C" NOT NULL, version bigint NOT NULL,
    category text COLLATE "C" NOT NULL, slice smallint NOT NULL, type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL, data bytea NOT NULL, message_id uuid NOT NULL, causation_id uuid NOT NULL,
    correlation_id uuid NOT NULL, origin bytea, recorded_at bigint NOT NULL);
CREATE UNIQUE INDEX ON events (stream, version);
CREATE TABLE outcomes (
    number bigint PRIMARY KEY, message_id uuid NOT NULL, command text COLLATE "C" NOT NULL, status smallint NOT NULL,
    stream text COLLATE "C", version bigint NOT NULL, position bigint NOT NULL, events integer NOT NULL,
    recorded_at bigint NOT NULL, duration bigint NOT NULL, correlation_id uuid NOT NULL, origin bytea,
    scope text COLLATE "C", key text COLLATE "C", payload_hash bytea, code text, message text, details bytea);
CREATE UNIQUE INDEX ON outcomes (message_id);
CREATE UNIQUE INDEX ON outcomes (scope, key) WHERE key IS NOT NULL;
"""

# One statement a group. What is alike in all its rows travels once.
GROUP = """
WITH one AS (
    INSERT INTO events
    SELECT $1 + n, stream, version, 'Account', slice, 'MoneyDeposited', 1, data, event, command, command, NULL, $8
    FROM unnest($2::text[], $3::bigint[], $4::smallint[], $5::bytea[], $6::uuid[], $7::uuid[]) WITH ORDINALITY
         AS row (stream, version, slice, data, event, command, n)
)
INSERT INTO outcomes
SELECT $1 + n, command, 'Deposit', 1, stream, version, $1 + n, 1, $8, 17, command
FROM unnest($2::text[], $3::bigint[], $7::uuid[]) WITH ORDINALITY AS row (stream, version, command, n)
"""
SINGLE = """
WITH one AS (
    INSERT INTO events
    VALUES ($1 + 1, $2, $3, 'Account', $4, 'MoneyDeposited', 1, $5, $6, $7, $7, NULL, $8)
)
INSERT INTO outcomes VALUES ($1 + 1, $7, 'Deposit', 1, $2, $3, $1 + 1, 1, $8, 17, $7)
"""
PAGES = """
CREATE TABLE pages (
    id text COLLATE "C" PRIMARY KEY, owner text, balance numeric, deposits bigint, position bigint)
"""
NOW = 1_795_000_000_000_000


class PostgresStore:
    """Fresh databases on one server."""

    name = "postgres"

    def __init__(self, databases: Databases, stack: ExitStack) -> None:
        self._databases, self._stack = databases, stack
        self.limits = PostgresLimits(partial(self.url, "bare"))

    def url(self, label: str) -> str:  # noqa: ARG002 - databases have numbers
        return self._stack.enter_context(self._databases.fresh())

    async def script(self, url: str, statements: str) -> None:
        async with connected(url) as connection:
            await connection.execute(statements)

    async def settle(self, url: str) -> None:
        async with connected(url) as connection:
            await connection.execute("VACUUM ANALYZE", timeout=600)
            await connection.execute("CHECKPOINT", timeout=600)


class PostgresLimits:
    """asyncpg on one connection, as `Limits` wants it."""

    def __init__(self, fresh: Callable[[], str]) -> None:
        self._fresh = fresh

    async def commands(self, group: int, total: int, streams: int) -> float:
        async with connected(self._fresh()) as connection:
            await connection.execute(TABLES)
            started = time.perf_counter()
            await insert_commands(connection, group, range(0, total, group), streams)
            return total / (time.perf_counter() - started)

    async def units(self, connections: int, total: int) -> float:
        url = self._fresh()
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(connected(url)) for _ in range(connections)]
            await opened[0].execute(TABLES + orders.TABLES)
            numbers = iter(range(total))
            started = time.perf_counter()
            await asyncio.gather(*(insert_orders(connection, numbers) for connection in opened))
            return total / (time.perf_counter() - started)

    async def append(self, batch: int, events: int) -> float:
        async with connected(self._fresh()) as connection:
            await connection.execute(TABLES)
            started = time.perf_counter()
            for first in range(0, events, batch):
                await copy_events(connection, first, batch, 1000)
            return events / (time.perf_counter() - started)

    async def read_stream(self, events: int) -> float:
        async with connected(self._fresh()) as connection:
            await connection.execute(TABLES)
            await copy_events(connection, 0, events, 1)
            read = await connection.prepare(
                "SELECT position, version, type, data FROM events WHERE stream = $1 ORDER BY version"
            )
            decode = msgspec.json.Decoder(MoneyDeposited).decode
            best = 1e9
            for _ in range(9):
                started = time.perf_counter()
                decoded = [decode(row[3]) for row in await read.fetch("Account-0")]
                best = min(best, time.perf_counter() - started)
            assert len(decoded) == events
            return best

    async def snapshots(self, url: str, stream: str, reads: int) -> float:
        async with connected(url) as connection:
            sql = "SELECT version, data FROM twofold.snapshots WHERE stream = $1 ORDER BY version DESC LIMIT 1"
            return await fetch_often(connection, sql, [stream], reads)

    async def fold(self, url: str, page: int) -> float:
        async with connected(url) as source, connected(self._fresh()) as rows:
            await rows.execute(PAGES)
            read = await source.prepare(
                "SELECT position, stream, data FROM twofold.events WHERE position > $1 ORDER BY position LIMIT $2"
            )
            total, after = 0, 0
            started = time.perf_counter()
            while found := await read.fetch(after, page):
                after, total = found[-1][0], total + len(found)
                await upsert(rows, sums_of(found), after)
            return total / (time.perf_counter() - started)

    async def get(self, rows: int, reads: int) -> float:
        async with connected(self._fresh()) as connection:
            await connection.execute(PAGES)
            records = [(f"a{n}", "x", Decimal("1.50"), 1, n) for n in range(rows)]
            await connection.copy_records_to_table("pages", records=records)
            sql = "SELECT id, owner, balance, deposits FROM pages WHERE id = $1"
            return await fetch_often(connection, sql, [f"a{n}" for n in range(rows)], reads)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def insert_commands(connection: Any, group: int, firsts: Sequence[int], streams: int) -> None:
    """A durable statement for each place in *firsts*: *group* events and outcomes from there on, over *streams*."""
    statement = await connection.prepare(SINGLE if group == 1 else GROUP)
    for first in firsts:
        places = range(first, first + group)
        columns = (
            [f"Account-{n % streams}" for n in places],
            [n // streams for n in places],
            [n % 1024 for n in places],
            [EVENT] * group,
            [UUID((2 * n).to_bytes(16)) for n in places],
            [UUID((2 * n + 1).to_bytes(16)) for n in places],
        )
        values = [column[0] for column in columns] if group == 1 else columns
        await statement.fetch(first, *values, NOW)


async def insert_orders(connection: Any, numbers: Iterator[int]) -> None:
    """A transaction for each of *numbers*: the order, its items, the event and the outcome."""
    for number in numbers:
        async with connection.transaction():
            await connection.execute(orders.ORDER, number, "ada")
            await connection.executemany(orders.ITEM, orders.items_of(number))
            await insert_commands(connection, 1, (number,), 1 << 30)


async def copy_events(connection: Any, first: int, count: int, streams: int) -> None:
    """*count* events in one COPY, ten in a row of each of *streams*, at places from *first* on."""
    command = UUID(ID)
    rows = [
        (n + 1, f"Account-{n // 10 % streams}", n, "Account", n % 1024, "MoneyDeposited", 1, EVENT,
         UUID(n.to_bytes(16)), command, command, None, NOW)
        for n in range(first, first + count)
    ]  # fmt: skip
    await connection.copy_records_to_table("events", records=rows)


def sums_of(found: Sequence[Any]) -> dict[str, int]:
    decode = msgspec.json.decode
    sums: dict[str, int] = {}
    for _, stream, data in found:
        decode(data)
        sums[stream] = sums.get(stream, 0) + 1
    return sums


async def upsert(connection: Any, sums: dict[str, int], position: int) -> None:
    await connection.execute(
        "INSERT INTO pages SELECT id, 'x', 1.5 * n, n, $3 FROM unnest($1::text[], $2::bigint[]) AS row (id, n)"
        " ON CONFLICT (id) DO UPDATE SET balance = pages.balance + excluded.balance,"
        " deposits = pages.deposits + excluded.deposits, position = excluded.position",
        list(sums),
        list(sums.values()),
        position,
    )


async def fetch_often(connection: Any, sql: str, keys: Sequence[str], reads: int) -> float:
    statement = await connection.prepare(sql)
    started = time.perf_counter()
    for n in range(reads):
        await statement.fetchrow(keys[n % len(keys)])
    return reads / (time.perf_counter() - started)
