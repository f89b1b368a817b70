"""Opens the shop with its orders kept one way or the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from examples.shop.app import APPS
from examples.shop.tables.set_up import set_up_tables
from twofold import OpenApp


@asynccontextmanager
async def opened_shop(url: str, orders: str = "aggregates", *, workers: bool = True) -> AsyncIterator[OpenApp]:
    """The shop on the store at *url*, with its own tables made when *orders* are kept in "tables".

    Raises as App.open and set_up_tables do.
    """
    async with APPS[orders].open(url, workers=workers) as shop:
        if orders == "tables":
            await set_up_tables(shop)
        yield shop
