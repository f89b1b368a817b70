"""The shop with its orders in tables, from outside, while its processes are killed.

Four processes share a database and a port. The test feeds them the sample of real baskets over HTTP, kills one of them
again and again without notice, and compares what is there in the end with sums that are SQL over the files.
`tests/faults/chaos` does the like to the shop with aggregates.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.shop import load
from examples.shop.app import app
from examples.shop.feeding import feed
from examples.shop.opening import opened_shop
from examples.shop.order import Order
from examples.shop.over_http import OverHttp, client
from examples.shop.sample import Sample
from examples.shop.sending import Tally
from examples.shop.tables import set_up
from examples.shop.tables.order_tables import tables_on
from examples.shop.totals import differences, totals_of
from tests.servers.databases import ask
from tests.servers.place import children_of
from twofold import OpenApp
from twofold.event_store.token import encode_token

SEED = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
KILLS = int(os.environ.get("TWOFOLD_CHAOS_KILLS") or 6)
OWN_SETTINGS = ("TWOFOLD_SEED", "TWOFOLD_CHAOS_KILLS")
PROCESSES = 4
RATE = 100.0
PATIENCE = 120.0
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _without_the_tests_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app takes every TWOFOLD_... for one of its settings."""
    for name in OWN_SETTINGS:
        monkeypatch.delenv(name, raising=False)


@contextmanager
def served(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The shop in several processes: their parent, and the address that they share."""
    program = [sys.executable, "-m", "twofold", "run", "examples.shop.app:on_tables", "--store", url, "--port", "0"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*program, "--workers", str(PROCESSES)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as parent:
        try:
            yield parent, address_in(parent)
        finally:
            parent.terminate()
            parent.communicate(timeout=PATIENCE)


def address_in(parent: subprocess.Popen[str]) -> str:
    read = ""
    for line in parent.stdout or ():
        read += line
        found = re.search(r"http://[\d.]+:\d+", line)
        if found is not None:
            return found[0]
    raise AssertionError(f"it ended without an address:\n{read}")


async def kill_some(parent: int, chance: random.Random) -> None:
    """Kill one process after another, whatever it is at. Those that are started instead are killed too."""
    killed: set[int] = set()
    while len(killed) < KILLS:
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        alive = children_of(parent)
        for pid in chance.sample(alive, min(1, len(alive))):
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)


async def fed_while_killed(parent: int, address: str, chance: random.Random) -> Tally:
    """Feed all baskets once, at a pace that the kills can meet, and see both through."""
    async with client(address) as requests:
        door, tally = OverHttp(requests), Tally()
        async with asyncio.timeout(PATIENCE * 2), asyncio.TaskGroup() as group:
            group.create_task(kill_some(parent, chance))
            group.create_task(feed(Sample(), door, tally, RATE))
    return tally


async def caught_up(shop: OpenApp) -> None:
    """The processes' own workers have folded everything; this one's fold nothing."""
    token = encode_token(await shop.log.events.mark())
    await shop.reads.wait_for(list(shop.catalog.views), token, PATIENCE)


async def orders_in(shop: OpenApp) -> AsyncIterator[str]:
    after = 0
    while page := await shop.log.events.read_log(after):
        for event in page.events:
            if event.type == "OrderPlaced":
                yield event.stream.partition("-")[2]
        if page.reached == after:
            return
        after = page.reached


@pytest.mark.slow
async def test_of_killed_processes_tables_events_and_views_tell_the_same(postgres_url: str) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    assert await asyncio.to_thread(set_up.main, ["--store", postgres_url]) == 0
    with served(postgres_url) as (parent, address):
        tally = await fed_while_killed(parent.pid, address, random.Random(SEED))
        async with opened_shop(postgres_url, "tables", workers=False) as shop:
            await caught_up(shop)

            assert list(differences(load._expected(Sample()), await totals_of(shop, tally))) == []
            assert await orders_that_differ(postgres_url, shop) == []
            await ask(postgres_url, "UPDATE orders SET status = 'placed' WHERE status = 'cancelled'")
            assert len(await orders_that_differ(postgres_url, shop)) == 10, "planted"


async def orders_that_differ(url: str, shop: OpenApp) -> list[str]:
    """Orders of which the tables and the events do not tell the same."""
    assert shop.log.transactions is not None
    async with app.open(url, workers=False) as folding, shop.log.transactions.begin(5) as transaction:
        tables = tables_on(transaction.connection)
        ids = [order_id async for order_id in orders_in(shop)]
        return [each for each in ids if await tables.find(each) != await folding.load(Order, each)]
