"""Durable commands in one process, with every default middleware on and the outcome record written."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

from bench.domain import Deposit, OpenAccount, app
from bench.history import fill
from bench.result import Result, result
from bench.store import Store
from twofold import Context, OpenApp, Rejected
from twofold.pipeline.middleware import Endpoint, surround

AMOUNT = Decimal("1.50")


async def run(store: Store, callers: int, total: int, *, keyed: bool = False, history: int = 0) -> Result:
    """*total* deposits by *callers* at once, each on an account of its own; the limit groups as many."""
    url = store.url("commands")
    async with app.open(url, workers=False) as bank:
        if history:
            await fill(bank, history, 10_000)
            await store.settle(url)
        await open_accounts(bank, callers)
        await deposits(bank, callers, max(1, total // callers // 5), keyed=keyed, tag="warm")
        times, seconds = await deposits(bank, callers, total // callers, keyed=keyed, tag="timed")
    group = min(callers, 1000)
    limit = await store.limits.commands(group, max(group, total // group * group), callers)
    name = f"commands.{'one' if callers == 1 else callers}{'.keyed' if keyed else ''}.{store.name}"
    suffix = f"@{history // 1_000_000}m" if history else ""
    return result(name + suffix, len(times) / seconds, limit, times)


async def dispatch(calls: int = 300_000) -> Result:
    """The bus alone: one call through three middlewares, beside a dict look-up and one await."""

    async def handle(message: Any, _: Context) -> Any:
        return message

    async def passing(message: Any, context: Context, call_next: Endpoint) -> Any:
        return await call_next(message, context)

    chains: dict[type, Endpoint] = {Deposit: surround(handle, [passing, passing, passing])}
    handlers: dict[type, Endpoint] = {Deposit: handle}
    message, context = Deposit(account_id="a", amount=AMOUNT), Context()
    rates = []
    for table in (chains, handlers):
        started = time.perf_counter()
        for _n in range(calls):
            await table[type(message)](message, context)
        rates.append(calls / (time.perf_counter() - started))
    return result("bus.three", rates[0], rates[1])


async def open_accounts(bank: OpenApp, count: int, prefix: str = "c") -> None:
    """Those that `deposits` pays into; they may be there."""

    async def opened(account: str) -> None:
        with suppress(Rejected):
            await bank.send(OpenAccount(account_id=account, owner="Ada"))

    await asyncio.gather(*(opened(f"{prefix}{number}") for number in range(count)))


async def deposits(
    bank: OpenApp, callers: int, each: int, *, keyed: bool = False, tag: str = "", prefix: str = "c"
) -> tuple[list[float], float]:
    """Seconds of each command, and in all. With *keyed* no two calls may have the same *tag*."""
    times: list[float] = []

    async def caller(number: int) -> None:
        account, send, clock = f"{prefix}{number}", bank.send, time.perf_counter
        for n in range(each):
            started = clock()
            if keyed:
                await send(Deposit(account_id=account, amount=AMOUNT), key=f"{hash((tag, number, n)):x}")
            else:
                await send(Deposit(account_id=account, amount=AMOUNT))
            times.append(clock() - started)

    started = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return times, time.perf_counter() - started
