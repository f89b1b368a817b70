"""The read side: catching up, keeping up, and answering."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

from bench.domain import AccountPage, Deposit, OpenAccount, app
from bench.history import fill
from bench.result import Result, result
from bench.store import Store
from twofold import OpenApp
from twofold.event_store.token import encode_token
from twofold.read.progress import Progress

VIEW = "AccountPage"
ACCOUNTS = 50
LONG = 600.0
"""Seconds that a view may take to catch up."""
Sent = Callable[[int], Awaitable[None]]


async def catch_up(store: Store, events: int, note: str = "") -> Result:
    """A view that starts behind *events* events over 1,000 rows, as the app's worker brings it along."""
    url = store.url("catch-up")
    async with app.open(url, workers=False) as bank:
        await fill(bank, events, 1000)
        await store.settle(url)
    async with app.open(url) as bank:
        started = time.perf_counter()
        await caught_up(bank)
        seconds = time.perf_counter() - started
        count = await bank.rows(AccountPage).count()
    assert count == 1000, count
    limit = await store.limits.fold(url, 2000)
    return result(f"project.catchup.{store.name}{note}", events / seconds, limit)


async def caught_up(bank: OpenApp) -> None:
    """Return when the view has folded all that is in the log now."""
    mark = await bank.log.events.mark()
    await bank.reads.wait_for([AccountPage], encode_token(mark), LONG)


async def lag(store: Store, rate: int = 5000, seconds: float = 4.0) -> Result:
    """From commit to row while *rate* commands a second come in, 50 every 10 ms; the limit is the asked rate."""
    async with app.open(store.url("lag")) as bank:
        await caught_up(bank)
        times, spent = await lags(bank, rate, seconds)
    return result(f"project.lag.{store.name}", len(times) / spent, rate, times, "times are from commit to row")


async def lags(bank: OpenApp, rate: int, seconds: float) -> tuple[list[float], float]:
    """Seconds from each commit to its row, and those that all of it took."""
    times: list[float] = []

    async def seen(position: int) -> None:
        committed, progress = time.perf_counter(), progress_of(bank)
        if progress.position < position:
            await progress.moved(position, 5.0)
        times.append(time.perf_counter() - committed)

    spent = await send_steadily(bank, rate, seconds, seen)
    return times, spent


def progress_of(bank: OpenApp) -> Progress:
    """Where the rows that answer are; the view has one shard."""
    [shard] = bank.projectors[VIEW].touched()
    return shard.progress


async def send_steadily(bank: OpenApp, rate: int, seconds: float, sent: Sent) -> float:
    """*rate* deposits a second for *seconds*, each followed by *sent* with its position. Answers the time it took."""
    await asyncio.gather(*(bank.send(OpenAccount(account_id=f"l{n}", owner="x")) for n in range(ACCOUNTS)))

    async def one(account: str) -> None:
        receipt = await bank.send(Deposit(account_id=account, amount=Decimal(1)))
        await sent(receipt.position)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for tick in range(int(seconds * 100)):
            for n in range(rate // 100):
                group.create_task(one(f"l{n % ACCOUNTS}"))
            await asyncio.sleep(max(0.0, started + (tick + 1) / 100 - time.perf_counter()))
    return time.perf_counter() - started


async def get(store: Store, rows: int = 10_000, reads: int = 20_000, note: str = "") -> Result:
    """A row by its key."""
    url = store.url("get")
    async with app.open(url, workers=False) as bank:
        await fill(bank, rows * 10, rows, "g")
        await bank.run_until_idle()
        await store.settle(url)
        times = await reads_of(bank, "g", rows, reads)
    limit = await store.limits.get(rows, reads)
    return result(f"view.get.{store.name}{note}", reads / sum(times), limit, times)


async def reads_of(bank: OpenApp, prefix: str, rows: int, reads: int) -> list[float]:
    """Seconds of each read of a row by key."""
    times, clock = [], time.perf_counter
    for n in range(reads):
        started = clock()
        page = await bank.get(AccountPage, f"{prefix}{n * 7919 % rows}")
        times.append(clock() - started)
    assert page is not None
    return times
