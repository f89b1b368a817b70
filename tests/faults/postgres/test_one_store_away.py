"""Log and rows live in two databases, and one is away: the other side goes on, and says what it knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from examples.shop.app import app
from examples.shop.customer_dashboard import CustomerDashboard
from examples.shop.order_page import OrderPage
from tests.examples.test_shop_tables import PAY, place
from tests.servers.postgres import PostgresServer
from twofold import Config, NotFreshError, OpenApp, StoreUnavailableError
from twofold.http_api import HttpApi

PATIENCE = 60.0


@pytest.fixture
async def shop(own_postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[OpenApp]:
    """The shop with its log in PostgreSQL and its rows in SQLite, and one order in both."""
    with own_postgres.databases.fresh() as url:
        quick = Config(retry_max=0.2)
        async with app.open(url, views=f"sqlite:///{tmp_path}/rows.db", config=quick) as shop:
            await shop.send(place("1"), wait_for=list(shop.catalog.views), wait=PATIENCE)
            yield shop


async def test_rows_and_queries_are_answered_while_the_log_is_away(shop: OpenApp, own_postgres: PostgresServer) -> None:
    before = await shop.reads.get(OrderPage, "1")
    await asyncio.to_thread(own_postgres.stop)
    try:
        transport = httpx.ASGITransport(HttpApi(shop))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=PATIENCE) as client:
            row = await client.get("/views/OrderPage/1", headers={"Twofold-After": before.token})
            page = await client.get("/views/OrderPage?status=placed")
            query = await client.get("/customers/c/summary")
            ready, live = await client.get("/health/ready"), await client.get("/health/live")

        assert [each.status_code for each in (row, page, query, ready, live)] == [200, 200, 200, 503, 200]
        assert (row.json()["status"], row.headers["Twofold-Token"]) == ("placed", before.token)
        assert len(page.json()["items"]) == 1
        assert query.json()["spent"] == "2.50"
        with pytest.raises(StoreUnavailableError):
            await shop.send(PAY, key="pay")
    finally:
        await asyncio.to_thread(own_postgres.start)


async def test_once_it_is_back_everything_goes_on(shop: OpenApp, own_postgres: PostgresServer) -> None:
    await asyncio.to_thread(own_postgres.restart)

    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                receipt = await shop.send(PAY, key="pay")
                break
            except StoreUnavailableError:
                await asyncio.sleep(0.05)
        while True:
            try:
                paid = await shop.get(OrderPage, "1", after=receipt.token)
                break
            except (NotFreshError, StoreUnavailableError):
                await asyncio.sleep(0.05)

    assert paid.status == "paid"
    assert (await shop.get(CustomerDashboard, "c", after=receipt.token, wait=PATIENCE)).recent[0].status == "paid"


# --- the rows are away --------------------------------------------------------------------


@pytest.fixture
async def shop_on_sqlite(own_postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[OpenApp]:
    """The shop with its log in SQLite and its rows in PostgreSQL."""
    with own_postgres.databases.fresh() as url:
        quick = Config(retry_max=0.2)
        async with app.open(f"sqlite:///{tmp_path}/log.db", views=url, config=quick) as shop:
            yield shop


async def test_commands_are_taken_while_the_rows_are_away_and_folded_afterwards(
    shop_on_sqlite: OpenApp, own_postgres: PostgresServer
) -> None:
    await shop_on_sqlite.send(place("1"), wait_for=[OrderPage], wait=PATIENCE)
    await asyncio.to_thread(own_postgres.stop)
    try:
        receipt = await shop_on_sqlite.send(PAY)
        with pytest.raises(StoreUnavailableError):
            await shop_on_sqlite.get(OrderPage, "1")
        with pytest.raises(StoreUnavailableError):
            await shop_on_sqlite.health()
    finally:
        await asyncio.to_thread(own_postgres.start)

    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                paid = await shop_on_sqlite.get(OrderPage, "1", after=receipt.token)
                break
            except (NotFreshError, StoreUnavailableError):
                await asyncio.sleep(0.05)
    assert paid.status == "paid"
