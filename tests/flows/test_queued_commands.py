"""From a queued command to its rows, across restarts of whoever handles it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.flows.tea_shop import ERRANDS, SHOP, Books, Buy, Shelf, Stock, agrees
from twofold import Config, OpenApp
from twofold.app.command_status import CommandStatus


async def handled(shop: OpenApp, command_id: str) -> CommandStatus:
    """The command's end, which workers of this process bring about."""
    async with asyncio.timeout(20):
        while True:
            status = await shop.command_status(command_id)
            if status.state != "queued":
                return status
            await shop.log.events.wait((await shop.log.events.mark()).position, 0.05)


async def test_errands_that_are_queued_come_out_as_if_they_were_sent(url: str) -> None:
    books = Books()
    async with SHOP.open(url, config=Config(), workers=False) as shop:
        ids = [await shop.submit(command, key=f"errand {n}") for n, command in enumerate(ERRANDS)]
        assert {(await shop.command_status(each)).state for each in ids} == {"queued"}

        await shop.run_until_idle()

        for command_id, command in zip(ids, ERRANDS, strict=True):
            state = (await shop.command_status(command_id)).state
            assert state == ("accepted" if books.can(command) else "rejected")
            if state == "accepted":
                books.note(command)
        await agrees(shop, books)


async def test_what_was_queued_before_a_restart_is_handled_after_it(lasting_url: str) -> None:
    async with SHOP.open(lasting_url, config=Config(), workers=False) as shop:
        await shop.send(Stock(item="tea", amount=3, price=Decimal(1)))
        ids = [await shop.submit(Buy(item="tea", buyer="ada", amount=1)) for _ in range(5)]

    async with SHOP.open(lasting_url, config=Config(), workers=False) as shop:
        assert {(await shop.command_status(each)).state for each in ids} == {"queued"}
        await shop.run_until_idle()

        states = [(await shop.command_status(each)).state for each in ids]
        assert states == ["accepted"] * 3 + ["rejected"] * 2
        assert (await shop.get(Shelf, "tea")).left == 0


async def test_the_token_of_a_handled_command_reads_its_row(url: str) -> None:
    async with SHOP.open(url, config=Config(idle_wait=0.01)) as shop:
        status = await handled(shop, await shop.submit(Stock(item="tea", amount=3, price=Decimal(1))))

        assert status.receipt is not None
        assert (await shop.get(Shelf, "tea", after=status.receipt.token)).left == 3


async def test_workers_of_two_processes_share_a_queue(lasting_url: str) -> None:
    config = Config(idle_wait=0.01)
    async with (
        SHOP.open(lasting_url, config=config) as one,
        SHOP.open(lasting_url, views="memory://", config=config) as other,
    ):
        await one.send(Stock(item="tea", amount=100, price=Decimal(1)))
        ids = [await (one, other)[n % 2].submit(Buy(item="tea", buyer="ada", amount=1)) for n in range(40)]

        for command_id in ids:
            assert (await handled(one, command_id)).state == "accepted"
        token = (await one.send(Buy(item="tea", buyer="ada", amount=0))).token
        assert (await one.get(Shelf, "tea", after=token, wait=10)).left == 60
        assert (await other.get(Shelf, "tea", after=token, wait=10)).left == 60
