"""The server crashes and comes back while everybody works: nothing is lost or doubled, and every loop goes on."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal

import pytest

from tests.faults.history import Line, check_order, lost
from tests.faults.postgres.clients import BACK_OFF, Progress, follow_until, work_until
from tests.faults.postgres.sessions import PATIENCE, listening
from tests.flows.tea_shop import SHOP, Books, Buy, Shelf, Stock, agrees
from tests.servers.databases import ask
from tests.servers.postgres import PostgresServer
from twofold import Command, Config, OpenApp, Rejected, UnavailableError
from twofold.adapters.postgres.log import open_postgres_log

RESTARTS = int(os.environ.get("TWOFOLD_RESTARTS") or 12)
TERMINATIONS = int(os.environ.get("TWOFOLD_TERMINATIONS") or 60)
Outage = Callable[[], Awaitable[None]]
QUICK = Config(retry_max=0.2)
OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def url(own_postgres: PostgresServer) -> Iterator[str]:
    with own_postgres.databases.fresh() as url:
        yield url


async def test_nothing_acknowledged_is_lost_and_nothing_is_doubled_by_restarts(
    own_postgres: PostgresServer, url: str, rng: random.Random
) -> None:
    async def outage() -> None:
        await asyncio.to_thread(own_postgres.restart)

    await survives(url, rng, [outage] * RESTARTS)


async def test_nothing_acknowledged_is_lost_and_nothing_is_doubled_by_terminated_connections(
    log_url: str, rng: random.Random
) -> None:
    async def outage() -> None:
        pids = [row[0] for row in await ask(log_url, OTHERS)]
        if pids:
            await ask(log_url, "SELECT pg_terminate_backend($1)", rng.choice(pids))

    await survives(log_url, rng, [outage] * TERMINATIONS)


async def survives(url: str, rng: random.Random, outages: list[Outage]) -> None:
    """Three clients and two followers work while one outage comes after the other; afterwards all is compared."""
    log, history, progress = await open_postgres_log(url), list[Line](), Progress()
    is_over, is_quiet = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as readers:
        followers = [readers.create_task(follow_until(is_quiet, log)) for _ in range(2)]
        async with asyncio.TaskGroup() as clients:
            for number in range(3):
                own = random.Random(rng.getrandbits(64))
                clients.create_task(work_until(is_over, log, own, history.append, f"client{number}", progress))
            for outage in outages:
                async with asyncio.timeout(PATIENCE):
                    await progress.reach(progress.count + rng.randint(1, 20))
                await outage()
            is_over.set()
        is_quiet.set()

    tried = sum(len(write["events"]) for line in history if "try" in line for write in line["writes"])
    head = (await log.events.mark()).position
    assert progress.failures, "no client noticed any of it: the test shows nothing"
    assert head == tried, "everything was acknowledged in the end, once"
    assert await lost(log, history) == []
    await check_order(log)
    assert [follower.result() for follower in followers] == [list(range(1, head + 1))] * 2
    await log.close()


# --- the whole app ------------------------------------------------------------------------


async def send(shop: OpenApp, books: Books, key: str, command: Command) -> None:
    """Until it is answered, by the command's own key."""
    while True:
        try:
            await shop.send(command, key=key)
        except UnavailableError:
            await asyncio.sleep(BACK_OFF)
        except Rejected:
            assert not books.can(command)
            return
        else:
            books.note(command)
            return


async def submit(shop: OpenApp, books: Books, key: str, command: Command) -> str:
    while True:
        try:
            queued = await shop.submit(command, key=key)
        except UnavailableError:
            await asyncio.sleep(BACK_OFF)
        else:
            books.note(command)
            return queued


async def trade(shop: OpenApp, books: Books, item: str, is_over: asyncio.Event, progress: Progress) -> list[str]:
    """One client, the only one for its *item*, so that its books foretell every answer. The ids of what it queued."""
    queued = []
    number = 0
    while not is_over.is_set():
        number += 1
        await send(shop, books, f"{item} stock {number}", Stock(item=item, amount=3, price=Decimal(2)))
        await send(shop, books, f"{item} buy {number}", Buy(item=item, buyer=item, amount=2))
        queued.append(
            await submit(shop, books, f"{item} queued {number}", Stock(item=item, amount=1, price=Decimal(2)))
        )
        await progress.add()
    return queued


async def settled(shop: OpenApp, queued: list[str]) -> None:
    """Every background loop has caught up by itself."""
    async with asyncio.timeout(PATIENCE):
        for command_id in queued:
            while (await shop.command_status(command_id)).state == "queued":
                await shop.log.events.wait((await shop.log.events.mark()).position, 0.05)
        head = (await shop.log.events.mark()).position
        while any(view.position < head for view in (await shop.health()).views):
            await shop.log.events.wait(head, 0.01)


async def test_every_background_loop_goes_on_by_itself_after_restarts(own_postgres: PostgresServer, url: str) -> None:
    items, books, progress, is_over = ["tea", "milk", "bread"], Books(), Progress(), asyncio.Event()
    async with SHOP.open(url, config=QUICK) as shop:
        async with asyncio.TaskGroup() as clients:
            trading = [clients.create_task(trade(shop, books, item, is_over, progress)) for item in items]
            for _ in range(RESTARTS):
                async with asyncio.timeout(PATIENCE):
                    await progress.reach(progress.count + 5)
                await asyncio.to_thread(own_postgres.restart)
            is_over.set()

        await settled(shop, [command_id for each in trading for command_id in each.result()])
        workers = (await shop.health()).workers
        assert (await shop.health()).ready
        assert await listening(url)
        assert {row.item: row.left for row in await shop.find(Shelf)} == books.left
    print([(worker.name, worker.moved, worker.last_error) for worker in workers])
    async with SHOP.open(url, config=QUICK, workers=False) as shop:
        await agrees(shop, books)


async def test_a_worker_that_does_not_come_back_would_be_noticed(own_postgres: PostgresServer, url: str) -> None:
    """The control: one view's worker is stopped, and the wait for it runs out."""
    async with SHOP.open(url, config=QUICK, workers=False) as shop:
        await shop.send(Stock(item="tea", amount=1, price=Decimal(1)))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await settled(shop, [])
