"""An app that goes through all that changes a store, and what a team has beside it."""

from __future__ import annotations

import asyncpg

from twofold import App, Command, Config, Event, UnitOfWork, View, evolves, handles
from twofold.app.stores import Schema, schema_of, views_url


class Take(Command):
    sku: str


class Taken(Event):
    sku: str


class Takes(View, key="sku"):
    sku: str
    count: int = 0

    @evolves
    def taken(self, event: Taken) -> None:
        self.count += 1


class Letters(View, key="sku", index=("letter",)):
    """Added later, as views are."""

    sku: str
    letter: str = ""

    @evolves
    def taken(self, event: Taken) -> None:
        self.letter = event.sku[:1]


@handles(Taken)
async def take(command: Take, work: UnitOfWork) -> None:
    work.publish("Stock", command.sku, Taken(sku=command.sku))


async def everything_twofold_does(url: str) -> None:
    """Migrates, writes, folds, gets another view, and migrates again."""
    for view in (Takes, Letters):
        async with App("shop", handlers=[take], views=[Takes, view]).open(url, workers=False) as shop:
            await shop.send(Take(sku="tea"))
            await shop.run_until_idle()
            assert await shop.rows(view).count() == 1
    for schema in schemas(url):
        assert await schema.migrate() == []
        assert await schema.pending() == []


def schemas(url: str) -> tuple[Schema, Schema]:
    """What `twofold migrate` looks at."""
    return schema_of(url, "log", Config()), schema_of(views_url(url, None), "views", Config())


async def run_script(url: str, script: str) -> None:
    """Several statements at once, on a connection of their own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()
