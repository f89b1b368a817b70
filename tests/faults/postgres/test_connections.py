"""Connections that end, are all taken, or are given up half-way: the log goes on, and nothing is left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest

from tests.faults.postgres.cancelling import swept
from tests.faults.postgres.sessions import LEFT_OPEN, listening, terminate, until, waiting_for_a_lock
from tests.flows.tea_shop import SHOP, Buy, Item, Shelf, Stock
from tests.servers.databases import ask
from twofold import Config, OpenApp
from twofold.adapters.postgres import head
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log
from twofold.errors import StoreUnavailableError
from twofold.event_store.write import ANY_VERSION
from twofold.testing.contracts.writes import append_to, new_stream, outcome, part, write

SOON = 10.0


async def everything_is_given_back(log: PostgresLog, url: str, size: int) -> None:
    """All *size* connections can be had, no transaction stands open, and the log works."""
    assert log.transactions is not None
    async with AsyncExitStack() as stack:
        for _ in range(size):
            await stack.enter_async_context(log.transactions.begin(0.5))
    await until(lambda rows: rows[0][0] == 0, url, LEFT_OPEN)
    await append_to(log.events, new_stream(), 1)


# --- ended by the server ------------------------------------------------------------------


async def test_an_append_whose_backend_is_terminated_stores_nothing_and_the_next_one_works(
    log: PostgresLog, log_url: str
) -> None:
    assert log.transactions is not None
    stream = new_stream()
    async with log.transactions.begin(SOON) as unit:
        await unit.append(write(part(new_stream(), 0)))
        waiting = asyncio.ensure_future(log.events.append([write(part(stream, 0), outcome=outcome())]))

        await terminate(log_url, await waiting_for_a_lock(log_url, "twofold.append"))

        with pytest.raises(StoreUnavailableError):
            await waiting

    assert await log.events.read_stream(stream) == []
    await append_to(log.events, stream, 1)


async def test_a_unit_of_work_whose_backend_is_terminated_is_rolled_back(log: PostgresLog, log_url: str) -> None:
    assert log.transactions is not None
    stream, opened = new_stream(), log.transactions.begin(SOON)
    unit = await opened.__aenter__()
    await unit.append(write(part(stream, 0)))

    await terminate(log_url, await unit.connection.fetchval("SELECT pg_backend_pid()"))
    with pytest.raises(StoreUnavailableError):
        await opened.__aexit__(None, None, None)

    assert await log.events.read_stream(stream) == []
    await append_to(log.events, stream, 1)


async def test_a_read_whose_backend_is_terminated_is_a_typed_error_and_the_next_one_works(
    log: PostgresLog, log_url: str
) -> None:
    await append_to(log.events, new_stream(), 3)
    async with AsyncExitStack() as stack:
        locker = await stack.enter_async_context(log._database.transaction())
        await locker.execute("LOCK TABLE twofold.events")
        reading = asyncio.ensure_future(log.events.read_log(0))

        await terminate(log_url, await waiting_for_a_lock(log_url, "twofold.events"))

        with pytest.raises(StoreUnavailableError):
            await reading

    assert len((await log.events.read_log(0)).events) == 3


async def test_connections_that_ended_while_they_were_idle_are_replaced(log: PostgresLog, log_url: str) -> None:
    await asyncio.gather(*[log.events.mark() for _ in range(20)])
    await ask(
        log_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    await until(
        lambda rows: rows[0][0] == 1,
        log_url,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    )

    await append_to(log.events, new_stream(), 1)


# --- listening ----------------------------------------------------------------------------


async def test_what_is_notified_while_nobody_listens_is_found_by_polling(log_url: str) -> None:
    log, other = await open_postgres_log(log_url), await open_postgres_log(log_url)
    for _ in range(5):
        reached = (await log.events.mark()).position
        waiting = asyncio.ensure_future(log.events.wait(reached, SOON))
        await terminate(log_url, await listening(log_url))
        await append_to(other.events, new_stream(), 1)

        assert await waiting

    await log.close()
    await other.close()


async def test_a_listener_that_was_lost_listens_again(log: PostgresLog, log_url: str) -> None:
    lost = await listening(log_url)
    await terminate(log_url, lost)

    found = await until(
        lambda rows: bool(rows) and rows[0][0] != lost,
        log_url,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )

    assert found


async def test_without_the_poll_a_lost_notification_is_waited_for_in_vain(
    log: PostgresLog, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the poll that carries the test above, not luck."""
    monkeypatch.setattr(head, "FIRST_POLL_SECONDS", 100.0)
    await log._listener.close()
    waiting = asyncio.ensure_future(log.events.wait(0, SOON))
    for _ in range(3):
        await log.events.mark()  # by now it has asked once, and waits

    other = await open_postgres_log(log_url)
    await append_to(other.events, new_stream(), 1)
    await other.close()
    done, _ = await asyncio.wait([waiting], timeout=0.5)

    assert not done
    waiting.cancel()


# --- all taken ----------------------------------------------------------------------------


async def test_when_all_connections_are_taken_the_next_caller_is_told_so_in_bounded_time(log_url: str) -> None:
    log = await open_postgres_log(log_url, pool_size=2, wait=0.5)
    assert log.transactions is not None
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(log.transactions.begin(SOON))

        async with asyncio.timeout(SOON):
            with pytest.raises(StoreUnavailableError, match="none of 2 connections"):
                await log.events.append([write(part(new_stream(), 0))])
            with pytest.raises(StoreUnavailableError):
                await log.transactions.begin(0.1).__aenter__()

    await append_to(log.events, new_stream(), 1)
    await log.close()


async def test_a_hundred_callers_share_two_connections(log_url: str) -> None:
    log = await open_postgres_log(log_url, pool_size=2)

    await asyncio.gather(*[append_to(log.events, new_stream(), 1) for _ in range(100)])

    assert (await log.events.mark()).position == 100
    await everything_is_given_back(log, log_url, 2)
    await log.close()


async def test_a_server_that_takes_no_more_connections_is_a_typed_error(postgres_url: str) -> None:
    [[name]] = await ask(postgres_url, "SELECT quote_ident(current_database())")
    await ask(postgres_url, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    [[role]] = await ask(postgres_url, "SELECT quote_ident('plain_' || current_database())")
    await ask(postgres_url, f"CREATE ROLE {role} LOGIN")

    with pytest.raises(StoreUnavailableError, match="too many connections"):
        await open_postgres_log(postgres_url.replace("//postgres@", f"//{role}@"))

    await ask(postgres_url, f"DROP ROLE {role}")


# --- cancelled ----------------------------------------------------------------------------


async def test_an_append_that_is_cancelled_anywhere_is_there_once_or_not_at_all(log_url: str) -> None:
    log = await open_postgres_log(log_url, pool_size=3)
    stream = new_stream()

    async def run(number: int) -> Any:
        return await log.events.append([write(part(stream, ANY_VERSION, 2), outcome=outcome(key=f"{number}"))])

    cancellations = await swept(run, lambda: everything_is_given_back(log, log_url, 3))
    for number in range(1, cancellations + 2):
        await run(number)

    print(f"{cancellations} awaits")
    assert cancellations > 0
    assert len(await log.events.read_stream(stream)) == 2 * (cancellations + 1)
    await log.close()


async def test_a_unit_of_work_that_is_cancelled_anywhere_is_rolled_back_or_committed_whole(log_url: str) -> None:
    log = await open_postgres_log(log_url, pool_size=3)
    await ask(log_url, "CREATE TABLE mine (number int)")
    transactions = log.transactions
    assert transactions is not None

    async def run(number: int) -> None:
        async with transactions.begin(SOON) as unit:
            await unit.connection.execute("INSERT INTO mine VALUES ($1)", number)
            await unit.append(write(part(f"thing-{number}", ANY_VERSION), outcome=outcome()))

    async def check() -> None:
        await everything_is_given_back(log, log_url, 3)
        rows = await ask(log_url, "SELECT 'thing-' || number FROM mine")
        events = [at.stream for at in (await log.events.read_log(0, limit=10_000)).events if at.stream[6:].isdigit()]
        assert sorted(row[0] for row in rows) == sorted(events)

    assert await swept(run, check) > 3
    await log.close()


@pytest.fixture
async def shop(log_url: str) -> AsyncIterator[OpenApp]:
    async with SHOP.open(log_url, config=Config(pool_size=3, lease_seconds=600.0), workers=False) as shop:
        await shop.send(Stock(item="tea", amount=1000, price=Decimal(1)))
        yield shop


async def test_a_command_that_is_cancelled_anywhere_is_there_once_or_not_at_all(shop: OpenApp, log_url: str) -> None:
    async def run(number: int) -> Any:
        return await shop.send(Buy(item="tea", buyer="ada", amount=1), key=f"{number}")

    async def check() -> None:
        await everything_is_given_back(log_of(shop), log_url, 3)
        assert (await shop.load(Item, "tea")).left >= 0

    cancellations = await swept(run, check)
    for number in range(1, cancellations + 2):
        await run(number)

    assert cancellations > 0
    assert (await shop.load(Item, "tea")).left == 1000 - cancellations - 1


async def test_a_projectors_step_that_is_cancelled_anywhere_folds_nothing_twice(shop: OpenApp, log_url: str) -> None:
    projector = shop.projectors["Shelf"]
    await shop.run_until_idle()  # takes the lease

    async def run(number: int) -> None:
        await shop.send(Buy(item="tea", buyer="ada", amount=1), key=f"purchase {number}")
        await projector.step()

    async def check() -> None:
        await everything_is_given_back(log_of(shop), log_url, 3)

    assert await swept(run, check) > 3
    await shop.run_until_idle()

    assert (await shop.get(Shelf, "tea")).left == (await shop.load(Item, "tea")).left


def log_of(shop: OpenApp) -> PostgresLog:
    assert isinstance(shop.log, PostgresLog)
    return shop.log


async def test_a_connection_that_is_not_given_back_is_caught(log_url: str) -> None:
    """The check of the check: a planted leak."""
    log = await open_postgres_log(log_url, pool_size=3)
    leak = log._database.transaction()
    connection = await leak.__aenter__()

    with pytest.raises(StoreUnavailableError):
        await everything_is_given_back(log, log_url, 3)

    connection.terminate()
    with pytest.raises(StoreUnavailableError):
        await leak.__aexit__(None, None, None)
    await log.close()
