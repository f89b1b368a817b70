"""A connection that breaks at any await of any call: a typed error, nothing left behind, and the next call works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest
from sqlalchemy import text

from tests.faults.postgres.cutting import cut, swept
from tests.faults.postgres.doing import PAY, Do, Doing, money
from tests.faults.postgres.sessions import LEFT_OPEN, until
from twofold import Config, OpenApp, StoreUnavailableError, UnitOfWork
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log
from twofold.adapters.postgres.sqlalchemy import connection_of, session_of
from twofold.adapters.postgres.view_store import PostgresViewStore, open_postgres_views
from twofold.event_store.store import Snapshot
from twofold.read.view_store import Checkpoint, Condition, Kind, RowChange, Search
from twofold.testing.contracts.view_store.tables import EPOCH, mark, new_table
from twofold.testing.contracts.writes import append_to, new_id, new_stream, outcome, part, write

POOL = 3
PAGE = new_table({"count": Kind.INTEGER})


# --- the log ------------------------------------------------------------------------------


async def appends(log: PostgresLog) -> None:
    await append_to(log.events, new_stream(), 2)


async def reads(log: PostgresLog) -> None:
    await log.events.read_stream("thing-1")
    await log.events.read_log(0)
    await log.events.mark()
    await log.events.now()


async def looks_for_outcomes(log: PostgresLog) -> None:
    await log.outcomes.by_key("", "k")
    await log.outcomes.by_id(new_id())
    await log.outcomes.recent()
    await log.outcomes.expire(0, 1)
    await log.bulk.outcomes(0, 10)


async def keeps_snapshots(log: PostgresLog) -> None:
    await log.snapshots.save(Snapshot("thing-1", 1, "fingerprint", b"{}"))
    await log.snapshots.load("thing-1", "fingerprint")


async def queues(log: PostgresLog) -> None:
    await log.queue.put(new_id(), "DoSomething", b"{}", b"{}")
    for queued in await log.queue.waiting():
        await log.queue.remove(queued.number)


async def leases(log: PostgresLog) -> None:
    await log.leases.attend("ada", ["a"], 10.0)
    await log.leases.take("ada", ["a"], 10.0)
    await log.leases.roster()
    await log.leases.leave("ada")


async def does_a_unit_of_work(log: PostgresLog) -> None:
    assert log.transactions is not None
    async with log.transactions.begin(10.0) as unit:
        async with unit.connection.transaction():
            await unit.connection.fetch("SELECT 1")
        await unit.append(write(part(new_stream(), 0)))


@pytest.fixture
async def log(log_url: str) -> AsyncIterator[PostgresLog]:
    log = await open_postgres_log(log_url, pool_size=POOL)
    yield log
    await log.close()


@pytest.mark.parametrize(
    "run", [appends, reads, looks_for_outcomes, keeps_snapshots, queues, leases, does_a_unit_of_work]
)
async def test_a_call_of_the_log_fails_typed_and_the_next_one_works(
    log: PostgresLog, log_url: str, run: Callable[[PostgresLog], Awaitable[None]]
) -> None:
    async def once() -> None:
        await run(log)

    async def works() -> None:
        await until(lambda rows: rows[0][0] == 0, log_url, LEFT_OPEN)
        await run(log)

    assert await swept(log._database, once, works) > 0


async def test_an_append_that_was_cut_off_is_resolved_by_appending_again(log: PostgresLog) -> None:
    writes = [write(part(new_stream(), 0), outcome=outcome(key="k0"))]

    async def once() -> None:
        await log.events.append(writes)

    async def resolved() -> None:
        await log.events.append(writes)
        stream = writes[0].streams[0].stream
        assert len(await log.events.read_stream(stream)) == 1
        writes[:] = [write(part(new_stream(), 0), outcome=outcome(key=stream))]

    assert await swept(log._database, once, resolved) > 0


async def test_a_bare_connection_of_the_driver_fails_in_other_ways(log: PostgresLog) -> None:
    """The control: what comes out where nobody translates."""
    connection = await log._database._borrow()
    cut(log._database)

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as raised:
        await connection.fetch("SELECT 1")

    assert not isinstance(raised.value, StoreUnavailableError)
    await log._database._take_back(connection)


# --- rows ---------------------------------------------------------------------------------


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresViewStore]:
    store = await open_postgres_views(postgres_url, pool_size=POOL)
    yield store
    await store.close()


async def saves(store: PostgresViewStore) -> None:
    generation = await store.open_generation(PAGE, EPOCH)
    there = (await store.checkpoint(generation, 0)).mark
    position = there.position + 1
    changes = [RowChange((key,), {"id": key, "count": position}, position) for key in "ab"]
    await store.save(generation, 0, changes, there, Checkpoint(mark(position), 0))


async def asks(store: PostgresViewStore) -> None:
    generation = await store.open_generation(PAGE, EPOCH)
    await store.get(PAGE, ("a",))
    await store.find(PAGE, Search((Condition("count", "gt", 1),)))
    await store.count(PAGE, ())
    await store.load(generation, 0, [("a",)])


async def rebuilds(store: PostgresViewStore) -> None:
    generation = await store.build(PAGE._replace(fingerprint=new_id().hex()), EPOCH)
    await store.promote(generation, behind=True)
    for kept in await store.generations(PAGE.view):
        if kept.generation.number != generation.number:
            await store.drop(kept.generation)


async def lends_its_client(store: PostgresViewStore) -> None:
    generation = await store.open_generation(PAGE, EPOCH)
    there = (await store.checkpoint(generation, 0)).mark
    async with store.transaction(generation, 0, there, Checkpoint(mark(there.position + 1), 0)) as client:
        await client.fetch("SELECT 1")


@pytest.mark.parametrize("run", [saves, asks, rebuilds, lends_its_client])
async def test_a_call_of_the_view_store_fails_typed_and_the_next_one_works(
    store: PostgresViewStore, postgres_url: str, run: Callable[[PostgresViewStore], Awaitable[None]]
) -> None:
    async def once() -> None:
        await run(store)

    async def works() -> None:
        await until(lambda rows: rows[0][0] == 0, postgres_url, LEFT_OPEN)
        await run(store)
        async with AsyncExitStack() as stack:
            for _ in range(POOL):
                await stack.enter_async_context(store._database.acquire())

    assert await swept(store._database, once, works) > 0


# --- handlers -----------------------------------------------------------------------------


async def by_asyncpg(work: UnitOfWork, number: int) -> None:
    async with work.connection.transaction():
        await work.connection.execute("SELECT 1")
    await work.connection.execute(PAY, "ada")


async def by_sqlalchemy(work: UnitOfWork, number: int) -> None:
    async with connection_of(work) as connection:
        await connection.execute(text("SELECT 1"))
    async with session_of(work) as session:
        await session.execute(text("UPDATE account SET money = money - 1 WHERE owner = 'ada'"))


@pytest.fixture
async def shop(doing: Doing, tables_url: str) -> AsyncIterator[OpenApp]:
    config = Config(pool_size=POOL, conflict_attempts=1)
    async with doing.app.open(tables_url, views="memory://", config=config, workers=False) as shop:
        yield shop


@pytest.mark.parametrize("does", [by_asyncpg, by_sqlalchemy])
async def test_a_handlers_command_fails_typed_and_is_done_once_by_sending_it_again(
    doing: Doing, shop: OpenApp, tables_url: str, does: Callable[[UnitOfWork, int], Awaitable[None]]
) -> None:
    doing.does, sent = does, 0
    before = (await money(tables_url))["ada"]

    async def once() -> None:
        await shop.send(Do(number=sent), key=f"k{sent}")

    async def done_once() -> None:
        nonlocal sent
        await once()
        sent += 1
        await topped_up(tables_url)

    async def topped_up(url: str) -> None:
        assert (await money(url))["ada"] == before - 1
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE account SET money = money + 1 WHERE owner = 'ada'")
        await connection.close()

    assert isinstance(shop.log, PostgresLog)
    assert await swept(shop.log._database, once, done_once) > 0
