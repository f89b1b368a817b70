"""Opens a log in a PostgreSQL database."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from twofold.adapters.postgres.appending import Appender
from twofold.adapters.postgres.bulk import PostgresBulk
from twofold.adapters.postgres.command_queue import PostgresCommandQueue
from twofold.adapters.postgres.database import IDLE_SECONDS, POOL_SIZE, WAIT_SECONDS, Database
from twofold.adapters.postgres.event_store import PostgresEventStore
from twofold.adapters.postgres.head import HeadWatch
from twofold.adapters.postgres.leases import PostgresLeases
from twofold.adapters.postgres.listener import Listener
from twofold.adapters.postgres.migrations import migrate
from twofold.adapters.postgres.outcomes import PostgresOutcomes
from twofold.adapters.postgres.snapshots import PostgresSnapshots
from twofold.adapters.postgres.transactions import PostgresTransactions
from twofold.adapters.sql.statements import load_statements
from twofold.clock import Clock, SystemClock
from twofold.event_store.bulk import Bulk
from twofold.event_store.leases import Leases
from twofold.event_store.store import CommandQueue, EventStore, Outcomes, Snapshots, Transactions

PACKAGE = "twofold.adapters.postgres"


class PostgresLog:
    """An open log: its ports, and its end."""

    def __init__(self, database: Database, sql: dict[str, str], store: Any, clock: Clock | None) -> None:
        own = None if clock is None or isinstance(clock, SystemClock) else clock

        def now() -> int | None:
            return None if own is None else own.now_micros()

        self._database = database
        self._sql = sql
        watch = HeadWatch(database, sql, lambda: self._listener.is_connected)
        appender = Appender(database, sql, store["lock_key"], now)
        events = PostgresEventStore(database, sql, appender, watch, now, store["epoch"])
        self.events: EventStore = events
        self.outcomes: Outcomes = PostgresOutcomes(database, sql)
        self.snapshots: Snapshots = PostgresSnapshots(database, sql)
        self.queue: CommandQueue = PostgresCommandQueue(database, sql, now)
        self.bulk: Bulk = PostgresBulk(database, sql, store["lock_key"], events, watch.reached)
        self.transactions: Transactions | None = PostgresTransactions(database, appender, watch.wake)
        self._listener = Listener(database.address.dsn, {"twofold": lambda head: watch.reached(int(head))}, watch.wake)
        self.leases: Leases = PostgresLeases(database, sql, now, lambda: self._listener.backend)
        if not database.address.pgbouncer:
            self._listener.start()

    def facts(self) -> dict[str, str]:
        """What the store says of itself, for people: PostgreSQL's version, the database, and how durable it is."""
        listening = "off (pgbouncer)" if self._database.address.pgbouncer else str(self._listener.is_connected).lower()
        return {**self._database.facts, "url": self._database.name, "listening": listening}

    async def renew_epoch(self) -> str:
        """See Log.renew_epoch."""
        epoch = uuid4().hex
        await self._database.fetch(self._sql["renew_epoch"], epoch)
        self.events.epoch = epoch
        return epoch

    async def close(self) -> None:
        """See Log.close."""
        await self._listener.close()
        await self._database.close()


async def open_postgres_log(
    url: str,
    clock: Clock | None = None,
    *,
    pool_size: int = POOL_SIZE,
    wait: float = WAIT_SECONDS,
    idle: float = IDLE_SECONDS,
) -> PostgresLog:
    """Open the log in the database at *url*; its schema is made or brought up to date.

    Args:
        url: `postgresql://user@host/database`, as `Database.open` takes it.
        clock: gives `recorded_at` in place of the server's clock; the system's counts as none.
        pool_size: most connections at a time, beside the one that listens.
        wait: how long (seconds) to wait for a free connection.
        idle: how long (seconds) a transaction may stand idle.

    Raises:
        ConfigError, StoreUnusableError, StoreUnavailableError: as `Database.open` and `migrate` do.
    """
    database = await Database.open(url, pool_size=pool_size, wait=wait, idle=idle)
    try:
        sql = load_statements(PACKAGE)
        async with database.acquire() as connection:
            await migrate(connection, PACKAGE, "schema", "log")
        [store] = await database.fetch(sql["read_store"])
        return PostgresLog(database, sql, store, clock)
    except BaseException:
        await database.close()
        raise
