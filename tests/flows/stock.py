"""A shop that keeps its stock in a table of its own: state-stored commands with a unit of work, on every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import asyncpg
from sqlalchemy.exc import IntegrityError

from tests.servers.databases import ask
from twofold import Aggregate, App, Command, Config, Event, OpenApp, Rejected, UnitOfWork, decides, handles
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.adapters.postgres.log import open_postgres_log
from twofold.adapters.postgres.sqlalchemy import connection_of
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.app.wiring import wire
from twofold.clock import SystemClock
from twofold.event_store.store import Log

# --- messages -----------------------------------------------------------------------------


class Receive(Command):
    item: str
    amount: int


class Ship(Command):
    item: str
    amount: int


class Count(Command):
    """Publishes nothing."""

    item: str


class Drop(Command):
    """Changes the table, publishes, and then has a bug."""

    item: str


class Dawdle(Command):
    """Goes on with its unit of work until it is told to end."""

    item: str


class Nest(Command):
    """Calls back into the app from inside its handler."""

    item: str
    by: str


class Note(Command):
    item: str


class StockChanged(Event):
    item: str
    amount: int


class Noted(Event):
    item: str


class Page(Aggregate, key="item"):
    """An aggregate beside the tables, on the same log."""

    notes: int = 0

    @decides(existing=False)
    def note(self, command: Note) -> Noted:
        return Noted(item=command.item)


# --- the team's table, and the ways to it -------------------------------------------------

TABLE = "CREATE TABLE stock (item TEXT PRIMARY KEY, amount INTEGER NOT NULL CHECK (amount >= 0))"
ADD = """
    INSERT INTO stock VALUES ($1, $2) ON CONFLICT (item) DO UPDATE SET amount = stock.amount + excluded.amount
"""
TAKE = "UPDATE stock SET amount = amount - $1 WHERE item = $2"
LEFT = "SELECT amount FROM stock WHERE item = $1"

Rows = Sequence[Sequence[Any]]
Run = Callable[..., Awaitable[Rows]]


async def by_apsw(work: UnitOfWork, statement: str, *values: Any) -> Rows:
    return work.connection.execute(statement, values).fetchall()  # type: ignore[no-any-return]


async def by_asyncpg(work: UnitOfWork, statement: str, *values: Any) -> Rows:
    return await work.connection.fetch(statement, *values)  # type: ignore[no-any-return]


async def by_sqlalchemy(work: UnitOfWork, statement: str, *values: Any) -> Rows:
    async with connection_of(work) as connection:
        result = await connection.exec_driver_sql(statement, values)
        return [tuple(row) for row in result] if result.returns_rows else []


class Stock:
    """The handlers, and what a test does to them from outside."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.runs = 0
        self.go_on = asyncio.Event()
        self.inside = asyncio.Event()
        self.call_back: Any = None
        self.app = App(
            "stock",
            aggregates=[Page],
            handlers=[
                handles(StockChanged)(self._handler(Receive)),
                handles(self._handler(Ship)),
                handles(self._handler(Count)),
                handles(self._handler(Drop)),
                handles(self._handler(Dawdle)),
                handles(self._handler(Nest)),
            ],
        )

    def _handler(self, command_type: type) -> Callable[..., Any]:
        name = command_type.__name__.lower()

        async def handler(command, work):
            self.runs += 1
            await getattr(self, name)(command, work)

        handler.__name__ = handler.__qualname__ = name
        handler.__annotations__ = {"command": command_type, "work": UnitOfWork, "return": None}
        return handler

    async def receive(self, command: Receive, work: UnitOfWork) -> None:
        await self.run(work, ADD, command.item, command.amount)
        work.publish("Stock", command.item, StockChanged(item=command.item, amount=command.amount))

    async def ship(self, command: Ship, work: UnitOfWork) -> None:
        await self.run(work, ADD, command.item, 0)
        work.publish("Stock", command.item, StockChanged(item=command.item, amount=-command.amount))
        left = (await self.run(work, LEFT, command.item))[0][0]
        if left < command.amount:
            raise Rejected("out-of-stock", f"Only {left} left", left=left)
        await self.run(work, TAKE, command.amount, command.item)

    async def count(self, command: Count, work: UnitOfWork) -> None:
        await self.run(work, "SELECT count(*) FROM stock")
        work.publish("Stock", command.item)

    async def drop(self, command: Drop, work: UnitOfWork) -> None:
        await self.receive(Receive(item=command.item, amount=1), work)
        raise ZeroDivisionError("a bug")

    async def dawdle(self, command: Dawdle, work: UnitOfWork) -> None:
        await self.receive(Receive(item=command.item, amount=1), work)
        self.inside.set()
        await self.go_on.wait()

    async def nest(self, command: Nest, work: UnitOfWork) -> None:
        await self.receive(Receive(item=command.item, amount=1), work)
        await getattr(self.call_back, command.by)(Note(item=command.item))


# --- where it all is ----------------------------------------------------------------------


@dataclass
class Warehouse:
    """A database with a log and the team's table in it, and how handlers reach the table.

    `violation` is the error of a violated constraint, as a handler sees it.
    """

    url: str
    run: Run
    violation: type[Exception]
    pool_size: int = 4

    async def log(self) -> Log:
        if self.url.startswith("sqlite"):
            return await open_sqlite_log(self.url.removeprefix("sqlite:///"))
        return await open_postgres_log(self.url, pool_size=self.pool_size)

    async def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What another connection sees, which is what is committed."""
        if not self.url.startswith("sqlite"):
            return [tuple(row) for row in await ask(self.url, statement)]
        connection = apsw.Connection(self.url.removeprefix("sqlite:///"))
        try:
            return list(connection.execute(statement).fetchall())
        finally:
            connection.close()

    @asynccontextmanager
    async def open(
        self, app: App, *, wrap: Callable[[Log], Log] | None = None, config: Config | None = None
    ) -> AsyncIterator[OpenApp]:
        """*app* on this log without workers; *wrap* may put something between the app and the log."""
        log, rows = await self.log(), MemoryViewStore()
        try:
            opened = wire(app, config or Config(), SystemClock(), log if wrap is None else wrap(log), rows)
            await opened.start(run_workers=False)
            try:
                yield opened
            finally:
                await opened.close()
        finally:
            await rows.close()
            await log.close()


def on_sqlite(folder: Path) -> Warehouse:
    return Warehouse(f"sqlite:///{folder}/stock.db", by_apsw, apsw.ConstraintError)


def on_postgres(url: str) -> Warehouse:
    return Warehouse(url, by_asyncpg, asyncpg.CheckViolationError)


def on_postgres_by_sqlalchemy(url: str) -> Warehouse:
    return Warehouse(url, by_sqlalchemy, IntegrityError)


async def in_table(warehouse: Warehouse) -> dict[str, int]:
    return dict(await warehouse.ask("SELECT item, amount FROM stock"))
