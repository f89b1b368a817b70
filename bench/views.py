"""The read side: catching up, keeping up, and answering."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path

from bench import bare
from bench.appending import batches
from bench.domain import AccountPage, Deposit, OpenAccount, app
from bench.result import Result, result


async def catch_up(folder: Path, events: int, note: str = "") -> Result:
    """A view that starts behind *events* events over 1,000 rows."""
    log = folder / f"catch-up-{events}.db"
    async with app.open(f"sqlite:///{log}", workers=False) as bank:
        for batch in batches(events, 10_000, 1000, "c"):
            await bank.log.events.append(batch)
        started = time.perf_counter()
        while await bank.projectors["AccountPage"].step():
            pass
        seconds = time.perf_counter() - started
        count = await bank.rows(AccountPage).count()
    assert count == 1000, count
    limit = bare.fold(folder / f"catch-up-bare-{events}.db", log, 2000)
    return result(f"project.catchup.sqlite{note}", events / seconds, limit)


async def lag(folder: Path, rate: int = 5000, seconds: float = 4.0) -> Result:
    """From commit to row while *rate* commands a second come in, 50 every 10 ms; the limit is the asked rate."""
    times: list[float] = []
    async with app.open(f"sqlite:///{folder}/lag.db") as bank:
        await asyncio.gather(*(bank.send(OpenAccount(account_id=f"l{n}", owner="x")) for n in range(50)))
        progress = bank.projectors["AccountPage"].progress

        async def one(account: str) -> None:
            receipt = await bank.send(Deposit(account_id=account, amount=Decimal(1)))
            committed = time.perf_counter()
            if progress.position < receipt.position:
                await progress.moved(receipt.position, 5.0)
            times.append(time.perf_counter() - committed)

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for tick in range(int(seconds * 100)):
                for n in range(rate // 100):
                    group.create_task(one(f"l{n}"))
                await asyncio.sleep(max(0.0, started + (tick + 1) / 100 - time.perf_counter()))
        spent = time.perf_counter() - started
    return result("project.lag.sqlite", len(times) / spent, rate, times, "times are from commit to row")


async def get(folder: Path, rows: int = 10_000, reads: int = 20_000, note: str = "") -> Result:
    """A row by its key."""
    async with app.open(f"sqlite:///{folder}/get.db", workers=False) as bank:
        for batch in batches(rows * 10, 10_000, rows, "g"):
            await bank.log.events.append(batch)
        await bank.run_until_idle()
        times, clock = [], time.perf_counter
        for n in range(reads):
            started = clock()
            await bank.get(AccountPage, f"g{n % rows}")
            times.append(clock() - started)
    limit = bare.get(folder / "get-bare.db", rows, reads)
    return result(f"view.get.sqlite{note}", reads / sum(times), limit, times)
