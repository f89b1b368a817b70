"""An app whose one state-stored handler does what a test says, on two tables of the team's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.servers.databases import ask
from twofold import App, Command, Event, OpenApp, UnitOfWork
from twofold import handles as marked

TABLES = """
CREATE TABLE account (owner text PRIMARY KEY, money int NOT NULL CHECK (money >= 0));
CREATE TABLE booking (
    owner text PRIMARY KEY, sponsor text NOT NULL REFERENCES account (owner) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO account VALUES ('ada', 10), ('bob', 10);
"""
PAY = "UPDATE account SET money = money - 1 WHERE owner = $1"
Does = Callable[[UnitOfWork, int], Awaitable[None]]


class Do(Command):
    """Does what the test says; `number` says which of them it is."""

    number: int = 0


class Done(Event):
    number: int


class Doing:
    """An app with one handler, which a test makes do things. `runs` counts how often it did."""

    def __init__(self) -> None:
        self.does: Does = self._nothing
        self.runs = 0
        self.app = App("doing", handlers=[marked(Done)(self._handler())], events=[Done])

    async def _nothing(self, work: UnitOfWork, number: int) -> None: ...

    def _handler(self) -> Callable[..., Any]:
        async def do(command: Do, work: UnitOfWork) -> None:
            self.runs += 1
            await self.does(work, command.number)
            work.publish("Doing", command.number, Done(number=command.number))

        return do


async def money(url: str) -> dict[str, int]:
    return {row["owner"]: row["money"] for row in await ask(url, "SELECT owner, money FROM account")}


async def events(shop: OpenApp) -> int:
    return (await shop.log.events.mark()).position


def running(statement: str, *values: object) -> Does:
    async def does(work: UnitOfWork, number: int) -> None:
        await work.connection.execute(statement, *values)

    return does
