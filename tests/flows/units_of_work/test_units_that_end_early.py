"""A unit of work whose store fails or crashes at any step, or that is cancelled: all of it is there, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.postgres.cancelling import swept as await_by_await
from tests.flows.stock import (
    Receive,
    Stock,
    Warehouse,
    in_table,
)
from tests.flows.units_of_work.looking import by_plan, in_log, nothing_is_open
from tests.unit.write.cancelling import swept as turn_by_turn
from twofold import OpenApp, StoreUnavailableError
from twofold.testing.faults import CrashAfter, CrashError, FailAt


@pytest.mark.parametrize("step", ["begin", "append", "commit"])
async def test_a_store_that_fails_at_any_step_leaves_nothing(warehouse: Warehouse, stock: Stock, step: str) -> None:
    async with warehouse.open(stock.app) as shop:
        await shop.send(Receive(item="tea", amount=10))
    async with warehouse.open(stock.app, wrap=by_plan(FailAt(1, step))) as shop:
        with pytest.raises(StoreUnavailableError):
            await shop.send(Receive(item="tea", amount=1), key="k")
        if step != "commit":
            await nothing_is_open(warehouse, shop)
    async with warehouse.open(stock.app) as shop:
        assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
        assert not (await shop.send(Receive(item="tea", amount=1), key="k")).replayed


@pytest.mark.parametrize("step", ["begin", "append", "commit"])
async def test_a_crash_after_any_step_leaves_all_or_nothing(warehouse: Warehouse, stock: Stock, step: str) -> None:
    async with warehouse.open(stock.app) as shop:
        await shop.send(Receive(item="tea", amount=10))
    async with warehouse.open(stock.app, wrap=by_plan(CrashAfter(1, step))) as shop:
        with pytest.raises(CrashError):
            await shop.send(Receive(item="tea", amount=1), key="k")

    async with warehouse.open(stock.app) as shop:
        again = await shop.send(Receive(item="tea", amount=1), key="k")

        assert again.replayed is (step == "commit")
        assert await in_table(warehouse) == await in_log(shop) == {"tea": 11}


async def test_cancelled_anywhere_it_leaves_no_transaction_open(warehouse: Warehouse, shop: OpenApp) -> None:
    async def send(n: int) -> Any:
        return await shop.send(Receive(item="tea", amount=1), key=str(n))

    async def check() -> None:
        await nothing_is_open(warehouse, shop)
        assert await in_table(warehouse) == await in_log(shop)

    turns = warehouse.url.startswith("sqlite")
    cancellations = await (turn_by_turn(send, check) if turns else await_by_await(send, check))

    assert cancellations > (2 if turns else 10)
    for n in range(cancellations + 2):
        await send(n)
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 10 + cancellations + 2}
