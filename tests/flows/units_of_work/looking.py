"""What units of work have left behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.flows.stock import (
    Note,
    Warehouse,
)
from twofold import OpenApp
from twofold.event_store.store import Log
from twofold.testing.faults import FaultyLog, Plan

SQLITE, POSTGRES, SQLALCHEMY = "sqlite", "postgres", "sqlalchemy"


def by_plan(plan: Plan) -> Any:
    """Puts every call to the log through *plan*."""

    def wrap(log: Log) -> Log:
        return FaultyLog(log, plan)

    return wrap


async def in_log(shop: OpenApp) -> dict[str, int]:
    sums: dict[str, int] = {}
    for event in (await shop.log.events.read_log(0)).events:
        if event.type == "StockChanged":
            item, amount = json.loads(event.data).values()
            sums[item] = sums.get(item, 0) + amount
    return sums


ALONE = {
    "sqlite": "BEGIN IMMEDIATE; ROLLBACK",
    "postgresql": "DO $$ BEGIN LOCK TABLE stock, twofold.events IN ACCESS EXCLUSIVE MODE NOWAIT; END $$",
}


async def nothing_is_open(warehouse: Warehouse, shop: OpenApp) -> None:
    """Everybody can go on: this app's own commands, and another connection that wants the tables for itself."""
    await asyncio.wait_for(shop.send(Note(item="after")), 5)
    await warehouse.ask(ALONE[warehouse.url.partition(":")[0]])
