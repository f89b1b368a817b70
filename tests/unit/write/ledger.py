"""A shop that keeps its stock in tables of its own, on SQLite: state-stored commands with a unit of work."""

from __future__ import annotations

import asyncio

from twofold import Aggregate, App, Command, Event, Rejected, UnitOfWork, decides, handles


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
    """Holds the writer until it is told to go on."""

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


TABLE = "CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY, amount INTEGER NOT NULL CHECK (amount >= 0)) STRICT"
ADD = "INSERT INTO stock VALUES (?, ?) ON CONFLICT (item) DO UPDATE SET amount = amount + excluded.amount"


class Stock:
    """The handlers, and what a test does to them from outside."""

    def __init__(self) -> None:
        self.runs = 0
        self.go_on = asyncio.Event()
        self.inside = asyncio.Event()
        self.call_back = None
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

    def _handler(self, command_type: type) -> object:
        name = command_type.__name__.lower()

        async def handler(command, work):
            self.runs += 1
            work.connection.execute(TABLE)
            await getattr(self, name)(command, work)

        handler.__name__ = handler.__qualname__ = name
        handler.__annotations__ = {"command": command_type, "work": UnitOfWork, "return": None}
        return handler

    async def receive(self, command: Receive, work: UnitOfWork) -> None:
        work.connection.execute(ADD, (command.item, command.amount))
        work.publish("Stock", command.item, StockChanged(item=command.item, amount=command.amount))

    async def ship(self, command: Ship, work: UnitOfWork) -> None:
        work.connection.execute(ADD, (command.item, 0))
        work.publish("Stock", command.item, StockChanged(item=command.item, amount=-command.amount))
        (left,) = work.connection.execute("SELECT amount FROM stock WHERE item = ?", (command.item,)).fetchone()
        if left < command.amount:
            raise Rejected("out-of-stock", f"Only {left} left", left=left)
        work.connection.execute("UPDATE stock SET amount = amount - ? WHERE item = ?", (command.amount, command.item))

    async def count(self, command: Count, work: UnitOfWork) -> None:
        work.connection.execute("SELECT count(*) FROM stock").fetchall()
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
