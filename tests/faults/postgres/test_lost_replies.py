"""The connection breaks in the middle of a commit: the outcome is unknown, resolved by the key, never doubled."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal

import pytest

from tests.flows.tea_shop import SHOP, Books, Buy, Stock, agrees
from tests.servers.databases import ask
from tests.servers.proxy import Moment, Proxy
from twofold import Config, OpenApp, UnavailableError
from twofold.adapters.postgres import database
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log
from twofold.errors import StoreUnavailableError
from twofold.event_store.store import Transactions
from twofold.event_store.write import ANY_VERSION, Appended, Replayed, Write, WriteResult
from twofold.testing.contracts.writes import new_stream, outcome, part, write

CUTS = int(os.environ.get("TWOFOLD_CUTS") or 200)
SOON = 5.0
MOMENTS = pytest.mark.parametrize(("moment", "expected"), [("request", Appended), ("reply", Replayed)])


@pytest.fixture
async def proxy(log_url: str) -> AsyncIterator[Proxy]:
    async with Proxy.before(log_url) as proxy:
        yield proxy


@pytest.fixture
async def log(proxy: Proxy) -> AsyncIterator[PostgresLog]:
    log = await open_postgres_log(proxy.url)
    yield log
    await log.close()


@MOMENTS
async def test_an_append_that_lost_its_connection_is_resolved_by_appending_again(
    proxy: Proxy, log: PostgresLog, moment: Moment, expected: type
) -> None:
    given = write(part(new_stream(), 0, 3), outcome=outcome(key="k"))
    happened = proxy.lose("twofold.append", moment)

    with pytest.raises(StoreUnavailableError):
        await log.events.append([given])
    (again,) = await log.events.append([given])

    assert happened.is_set()
    assert isinstance(again, expected)
    assert len((await log.events.read_log(0)).events) == 3


@MOMENTS
async def test_a_unit_of_work_that_lost_its_commit_is_resolved_by_doing_it_again(
    proxy: Proxy, log: PostgresLog, log_url: str, moment: Moment, expected: type
) -> None:
    """The team's row and the event are both there, once; a replay takes its second row back."""
    assert log.transactions is not None
    await ask(log_url, "CREATE TABLE orders (item text)")
    given = write(part(new_stream(), ANY_VERSION), outcome=outcome(key="k"))
    proxy.lose("COMMIT;", moment)

    with pytest.raises(StoreUnavailableError):
        await order(log.transactions, given)
    again = await order(log.transactions, given)

    assert isinstance(again, expected)
    assert len((await log.events.read_log(0)).events) == 1
    assert (await ask(log_url, "SELECT count(*) FROM orders"))[0][0] == 1


class DoneBeforeError(Exception):
    """Takes a unit of work back that was done before."""


def refuse_to_do_it_twice(result: WriteResult) -> None:
    if isinstance(result, Replayed):
        raise DoneBeforeError


async def order(transactions: Transactions, given: Write) -> WriteResult:
    with suppress(DoneBeforeError):
        async with transactions.begin(SOON) as unit:
            await unit.connection.execute("INSERT INTO orders VALUES ('tea')")
            result = await unit.append(given)
            refuse_to_do_it_twice(result)
    return result


async def test_a_peer_that_falls_silent_is_given_up_in_bounded_time(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reset arrives and nobody hangs up: the packets are just lost."""
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 0.5)
    log = await open_postgres_log(proxy.url, wait=0.5)
    given = write(part(new_stream(), 0), outcome=outcome(key="k"))
    proxy.silence()

    async with asyncio.timeout(SOON):
        with pytest.raises(StoreUnavailableError):
            await log.events.append([given])
        with pytest.raises(StoreUnavailableError):
            await log.events.read_log(0)

    proxy.speak()
    await log.events.append([given])
    assert len((await log.events.read_log(0)).events) == 1
    await log.close()


# --- the whole app ------------------------------------------------------------------------


async def buy_tea(proxy: Proxy, shop: OpenApp, rng: random.Random, cuts: int, *, has_keys: bool) -> Books:
    """Purchases, each sent until it is answered while its connection breaks at some point."""
    books, stock = Books(), Stock(item="tea", amount=10_000, price=Decimal("1.10"))
    await shop.send(stock)
    books.note(stock)
    for number in range(cuts):
        command = Buy(item="tea", buyer=rng.choice(["ada", "bob"]), amount=rng.randint(1, 3))
        proxy.lose("twofold.append", rng.choice(["request", "reply"]))
        while True:
            try:
                await shop.send(command, key=f"purchase {number}" if has_keys else None)
            except UnavailableError:
                continue
            break
        books.note(command)
    return books


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    return random.Random(seed)


async def test_a_client_with_keys_gets_each_command_once_through_any_number_of_cuts(
    proxy: Proxy, rng: random.Random
) -> None:
    async with SHOP.open(proxy.url, config=Config(), workers=False) as shop:
        books = await buy_tea(proxy, shop, rng, CUTS, has_keys=True)

        await agrees(shop, books)


async def test_a_client_without_keys_is_caught_doubling(proxy: Proxy) -> None:
    """The control: the same cuts without keys do double, and the books show it."""
    async with SHOP.open(proxy.url, config=Config(), workers=False) as shop:
        books = await buy_tea(proxy, shop, random.Random(1), 20, has_keys=False)

        with pytest.raises(AssertionError):
            await agrees(shop, books)
