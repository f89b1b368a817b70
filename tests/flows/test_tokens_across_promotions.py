"""Whoever waits for a token while another generation is built and takes over gets an answer from that one, in time."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from twofold import Aggregate, App, Command, Event, Query, Rows, View, answers, decides, evolves

PATIENCE = 60.0


class Add(Command):
    item: str


class Added(Event):
    item: str


class Item(Aggregate, key="item"):
    @decides(existing=False)
    def add(self, command: Add) -> Added:
        return Added(item=command.item)


class Before(View, key="item", name="Page"):
    item: str
    count: int = 0

    @evolves
    def added(self, event: Added) -> None:
        self.count += 1


class After(View, key="item", name="Page"):
    """The same view, changed."""

    item: str
    count: int = 0
    tens: int = 0

    @evolves
    def added(self, event: Added) -> None:
        self.count += 1
        self.tens += 10


class HowMany(Query[int]):
    pass


@answers
async def how_many(query: HowMany, pages: Rows[After]) -> int:
    return await pages.count()


OLD = App("pages", aggregates=[Item], views=[Before])
NEW = App("pages", aggregates=[Item], views=[After], queries=[how_many])


@pytest.fixture
async def built(lasting_url: str) -> str:
    """A store whose live rows the old code has built."""
    async with OLD.open(lasting_url) as pages:
        for item in "abc":
            await pages.send(Add(item=item), wait_for=[Before], wait=PATIENCE)
    return lasting_url


async def test_the_process_that_builds_and_promotes_answers_those_who_wait(built: str) -> None:
    async with NEW.open(built) as pages, asyncio.timeout(PATIENCE):
        receipt = await pages.send(Add(item="d"))

        row, count = await asyncio.gather(
            pages.get(After, "d", after=receipt.token, wait=10 * PATIENCE),
            pages.ask(HowMany(), after=receipt.token, wait=10 * PATIENCE),
        )

    assert (row.count, row.tens, count) == (1, 10, 4)


async def test_a_process_that_only_reads_answers_those_who_wait_too(built: str) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        reading = await stack.enter_async_context(NEW.open(built, workers=False))
        receipt = await reading.send(Add(item="d"))
        waiting = asyncio.create_task(reading.ask(HowMany(), after=receipt.token, wait=10 * PATIENCE))
        await asyncio.sleep(0)

        await stack.enter_async_context(NEW.open(built))

        assert await waiting == 4
        assert (await reading.get(After, "d", after=receipt.token)).tens == 10
