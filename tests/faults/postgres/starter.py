"""A process of the shop that starts when it is told to: `python -m tests.faults.postgres.starter url name`.

It says `ready`, waits for a line, opens the app, sells once, says what it saw, and ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal

from tests.flows.tea_shop import SHOP, Buy, Shelf, Stock
from twofold import Config


async def start(url: str, name: str) -> None:
    async with SHOP.open(url, config=Config(pool_size=3)) as shop:
        await shop.send(Stock(item="tea", amount=1, price=Decimal(1)), key=f"{name} stocks")
        receipt = await shop.send(Buy(item="tea", buyer=name, amount=1), key=f"{name} buys")
        shelf = await shop.get(Shelf, "tea", after=receipt.token, wait=30)
        print(json.dumps({"epoch": shop.log.events.epoch, "left": shelf.left, "sales": shelf.sales}), flush=True)


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(start(*sys.argv[1:]))
