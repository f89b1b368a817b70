"""What a unit of work does not let its handler do, and says so; and its ways in other than `send`."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.flows.stock import Count, Drop, Note, Noted, Page, Receive, Ship, Stock, StockChanged, Warehouse, in_table
from tests.flows.units_of_work.looking import in_log, nothing_is_open
from twofold import App, Config, OpenApp, UnitOfWork, handles
from twofold.errors import MisuseError, StoreUnavailableError
from twofold.http_api import HttpApi

ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
ENDLESSLY = f"UPDATE stock SET amount = ({ENDLESS})"


@pytest.mark.parametrize("statement", [ENDLESS, ENDLESSLY])
async def test_a_statement_that_does_not_end_is_ended(
    warehouse: Warehouse, stock: Stock, monkeypatch, statement
) -> None:
    """On SQLite it would stop the whole process: nothing else runs while it does."""

    async def endless(command: Drop, work: UnitOfWork) -> None:
        await stock.receive(Receive(item="tea", amount=1), work)
        await stock.run(work, statement)

    monkeypatch.setattr(stock, "drop", endless)
    async with warehouse.open(stock.app, config=Config(unit_of_work=0.3)) as shop:
        await shop.send(Receive(item="tea", amount=10))

        with pytest.raises(StoreUnavailableError, match=r"took more than 0\.3 s \(unit_of_work\)"):
            await asyncio.wait_for(shop.send(Drop(item="tea")), 30)

        assert await in_table(warehouse) == await in_log(shop) == {"tea": 10}
        await nothing_is_open(warehouse, shop)


async def test_a_unit_of_work_ends_with_its_handler(shop: OpenApp, stock: Stock, monkeypatch) -> None:
    kept: list[UnitOfWork] = []

    async def keep(command: Drop, work: UnitOfWork) -> None:
        kept.append(work)

    monkeypatch.setattr(stock, "drop", keep)
    await shop.send(Drop(item="tea"))

    with pytest.raises(MisuseError, match="unit of work of Drop has ended"):
        kept[0].publish("Stock", "tea")
    with pytest.raises(MisuseError, match="has ended"):
        _ = kept[0].connection


async def test_a_task_that_a_handler_began_may_send_once_the_handler_has_ended(
    shop: OpenApp, stock: Stock, monkeypatch
) -> None:
    begun: list[asyncio.Task[Any]] = []
    ended = asyncio.Event()

    async def later() -> Any:
        await ended.wait()
        return await shop.send(Note(item="later"))

    async def begin(command: Drop, work: UnitOfWork) -> None:
        begun.append(asyncio.create_task(later()))

    monkeypatch.setattr(stock, "drop", begin)
    await shop.send(Drop(item="tea"))
    ended.set()

    assert (await begun[0]).stream == "Page-later"


async def test_an_event_that_the_handler_does_not_declare_is_refused(warehouse: Warehouse, stock: Stock) -> None:
    """Views that read the streams of one aggregate only would never see it in another."""

    @handles(Noted)
    async def receive(command: Receive, work: UnitOfWork) -> None:
        await stock.receive(command, work)

    app = App("stock", aggregates=[Page], handlers=[receive], events=[StockChanged])
    async with warehouse.open(app) as shop:
        with pytest.raises(MisuseError, match=r"publishes StockChanged.* write @handles\(Noted, StockChanged\)"):
            await shop.send(Receive(item="tea", amount=1))

        assert await in_table(warehouse) == {}


async def test_a_queued_command_is_done_once(warehouse: Warehouse, shop: OpenApp) -> None:
    for _ in range(2):
        await shop.submit(Receive(item="tea", amount=1), key="k")
        await shop.run_until_idle()
    first = await shop.submit(Ship(item="tea", amount=99))
    await shop.run_until_idle()

    status = await shop.command_status(first)
    assert status.rejection is not None
    assert (status.state, status.rejection.code) == ("rejected", "out-of-stock")
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 11}


async def test_over_http_it_is_a_command_like_any_other(warehouse: Warehouse, shop: OpenApp) -> None:
    transport = httpx.ASGITransport(HttpApi(shop), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def post(command: Any, **headers: str) -> httpx.Response:
            body = {"item": command.item} | ({"amount": command.amount} if hasattr(command, "amount") else {})
            return await client.post(f"/commands/{type(command).__name__}", json=body, headers=headers)

        done = await post(Ship(item="tea", amount=1))
        empty = await post(Count(item="tea"))
        refused = await post(Ship(item="tea", amount=99))
        conditional = await post(Ship(item="tea", amount=1), **{"If-Match": '"2"'})
        later = await post(Ship(item="tea", amount=1), **{"If-Match": '"2"', "Prefer": "respond-async"})
        violated = await post(Receive(item="tea", amount=-99))

    assert (done.status_code, done.json()["stream"], done.json()["version"]) == (200, "Stock-tea", 2)
    assert (empty.status_code, empty.json()["events"]) == (200, [])
    assert (refused.status_code, refused.json()["code"]) == (422, "out-of-stock")
    assert (conditional.status_code, conditional.json()["code"]) == (400, "invalid")
    assert (later.status_code, later.json()["code"]) == (400, "invalid")
    assert violated.status_code == 500
    assert not {"stock", "amount", "CHECK"} & set(violated.text.replace('"', " ").split())
    assert await in_table(warehouse) == await in_log(shop) == {"tea": 9}
