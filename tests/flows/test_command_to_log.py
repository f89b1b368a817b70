"""From a command to the log: what clients were told is stored, also when the process dies after any port call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.flows.tea_shop import ERRANDS, SHOP, Books, Buy, Shelf, agrees, send
from twofold import Config, OpenApp, Rejected
from twofold.adapters.sqlite.opening import open_log, open_views
from twofold.app.wiring import wire
from twofold.errors import ClosedError
from twofold.testing.clock import ManualClock
from twofold.testing.faults import CrashAfter, CrashError, FaultyLog, NoFaults, Plan, faulty

CONFIG, CLOCK = Config(), ManualClock()


@asynccontextmanager
async def opened(folder: Path, plan: Plan) -> AsyncIterator[OpenApp]:
    """The shop on files in *folder*, every call to the log and to the rows put through *plan*."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - nobody waits meanwhile
    log = await open_log(str(folder / "log.db"), CLOCK, CONFIG)
    rows = await open_views(str(folder / "rows.db"), CONFIG)
    try:
        shop = wire(SHOP, CONFIG, CLOCK, FaultyLog(log, plan), faulty(rows, plan))
        try:
            await shop.start(run_workers=False)
            yield shop
        finally:
            with suppress(CrashError):
                await shop.close()
    finally:
        await rows.close()
        await log.close()


async def run_errands(shop: OpenApp, books: Books, done: set[int]) -> None:
    """Each errand under a key of its own, the views in between; *done* are those a client was answered."""
    for number, command in enumerate(ERRANDS):
        if number not in done:
            await send(shop, books, f"errand {number}", command)
            done.add(number)
            await shop.step()
    await shop.run_until_idle()


async def port_calls(folder: Path) -> list[str]:
    plan, books = NoFaults(), Books()
    async with opened(folder, plan) as shop:
        await run_errands(shop, books, set())
        calls = list(plan.calls)
        await agrees(shop, books)
    return calls


async def test_what_clients_were_told_is_what_is_stored(url: str) -> None:
    books = Books()
    async with SHOP.open(url, config=Config(), workers=False) as shop:
        await run_errands(shop, books, set())

        await agrees(shop, books)


async def test_a_second_day_goes_on_where_the_first_has_ended(tmp_path: Path) -> None:
    books = Books()
    for day in (0, 1):
        async with opened(tmp_path, NoFaults()) as shop:
            for number, command in enumerate(ERRANDS):
                await send(shop, books, f"{day} {number}", command)
            await agrees(shop, books)


async def crash_after(folder: Path, n: int) -> None:
    """Do the errands, die after port call *n*, do the rest in a new process once the leases have ended, and compare."""
    books, done = Books(), set[int]()
    async with opened(folder, CrashAfter(n)) as shop:
        with pytest.raises((CrashError, ClosedError)):
            await run_errands(shop, books, done)
    await asyncio.sleep(0)
    CLOCK.advance(CONFIG.lease_seconds)
    async with opened(folder, NoFaults()) as shop:
        await run_errands(shop, books, done)
        await agrees(shop, books)


@pytest.mark.slow
async def test_after_a_crash_at_any_port_call_every_errand_is_done_exactly_once(tmp_path: Path) -> None:
    calls = await port_calls(tmp_path / "whole")
    first = calls.index("append") + 1  # before that nothing is there to be lost

    for n in range(first, len(calls)):
        await crash_after(tmp_path / str(n), n)

    assert {"append", "read_stream", "read_log", "save"} <= set(calls)


async def test_a_shop_that_forgets_its_keys_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: a client that asks again after a crash is served twice."""
    calls = await port_calls(tmp_path)
    append = [n for n, call in enumerate(calls, 1) if call == "append"][2]
    keyed = OpenApp.send

    async def forgetful(self: OpenApp, command: object, **keywords: object) -> object:
        return await keyed(self, command)

    monkeypatch.setattr(OpenApp, "send", forgetful)
    with pytest.raises((AssertionError, pytest.fail.Exception, Rejected)):
        await crash_after(tmp_path / "crash", append)


async def test_a_hundred_clients_at_once_are_told_the_truth(lasting_url: str) -> None:
    books = Books()
    async with SHOP.open(lasting_url, config=Config(), workers=False) as shop:
        await send(shop, books, "stock", ERRANDS[0])
        sold: list[Buy] = []

        async def buy(number: int) -> None:
            command = Buy(item="tea", buyer=f"b{number % 7}", amount=1)
            with suppress(Rejected):
                await shop.send(command, key=str(number))
                sold.append(command)

        await asyncio.gather(*[buy(number) for number in range(100)], *[buy(number) for number in range(100)])
        await shop.run_until_idle()

        assert (await shop.get(Shelf, "tea")).left == 0
        assert (await shop.get(Shelf, "tea")).sales == 10
        assert len(sold) == 20, "each of the ten was told twice: to the first and to the copy"
