"""The view store when callers give up, connections end, and PgBouncer stands in between: batches stay whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.faults.postgres.cancelling import swept
from tests.faults.postgres.sessions import LEFT_OPEN, terminate, until, waiting_for_a_lock
from tests.servers.databases import ask
from tests.servers.pgbouncer import pgbouncer
from twofold.adapters.postgres.view_store import PostgresViewStore, open_postgres_views
from twofold.errors import LeaseLostError, MisuseError, StoreUnavailableError
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Checkpoint, Condition, Generation, Kind, RowChange, Search
from twofold.testing.contracts.view_store.tables import EPOCH, START, mark, new_table

POOL = 3
PAGE = new_table({"count": Kind.INTEGER})


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresViewStore]:
    store = await open_postgres_views(postgres_url, pool_size=POOL)
    yield store
    await store.close()


@pytest.fixture
async def generation(store: PostgresViewStore) -> Generation:
    return await store.open_generation(PAGE, EPOCH)


async def save(store: PostgresViewStore, generation: Generation, expected: Mark, position: int) -> None:
    """Two rows with the position they were saved at."""
    changes = [RowChange((key,), {"id": key, "count": position}, position) for key in "ab"]
    await store.save(generation, 0, changes, expected, Checkpoint(mark(position), 0))


async def is_whole(store: PostgresViewStore, generation: Generation) -> Mark:
    """Where the store is; both rows are as they were saved then."""
    there = (await store.checkpoint(generation, 0)).mark
    rows = (await store.find(PAGE, Search())).rows
    assert [row.values["count"] for row in rows] == ([there.position] * 2 if there.position else [])
    return there


async def nothing_is_left(store: PostgresViewStore, url: str) -> None:
    """No transaction stands open, and all connections can be had."""
    await until(lambda rows: rows[0][0] == 0, url, LEFT_OPEN)
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        for _ in range(POOL):
            await stack.enter_async_context(store._database.acquire())


# --- given up -----------------------------------------------------------------------------


async def test_a_save_that_is_cancelled_anywhere_is_there_whole_or_not_at_all(store, generation, postgres_url):
    async def run(number: int) -> None:
        there = await is_whole(store, generation)
        await save(store, generation, there, there.position + 1)

    async def check() -> None:
        await nothing_is_left(store, postgres_url)
        await is_whole(store, generation)

    assert await swept(run, check) > 2


async def test_a_transaction_that_is_cancelled_anywhere_is_there_whole_or_not_at_all(store, generation, postgres_url):
    await ask(postgres_url, "CREATE TABLE notes (position bigint)")

    async def run(_: int) -> None:
        there = (await store.checkpoint(generation, 0)).mark
        position = there.position + 1
        async with store.transaction(generation, 0, there, Checkpoint(mark(position), 0)) as client:
            await client.execute("INSERT INTO notes VALUES ($1)", position)

    async def check() -> None:
        await nothing_is_left(store, postgres_url)
        there = (await store.checkpoint(generation, 0)).mark
        notes = await ask(postgres_url, "SELECT position FROM notes ORDER BY position")
        assert [row[0] for row in notes] == list(range(1, there.position + 1))

    assert await swept(run, check) > 4


@pytest.mark.parametrize("shards", [1, 2])
async def test_answers_that_are_cancelled_anywhere_leave_nothing_open(store, postgres_url, shards):
    generation = await store.open_generation(PAGE._replace(view=f"Page{shards}"), EPOCH, shards)
    table = PAGE._replace(view=generation.view)

    async def run(_: int) -> None:
        await store.get(table, ("a",))
        await store.find(table, Search((Condition("count", "gt", 1),)))
        await store.count(table, ())
        await store.load(generation, 0, [("a",)])
        await store.open_generation(table, EPOCH)

    assert await swept(run, lambda: nothing_is_left(store, postgres_url)) > 4


async def test_an_opening_that_is_cancelled_anywhere_leaves_no_connection(postgres_url):
    opened: list[PostgresViewStore] = []

    async def run(_: int) -> None:
        opened.append(await open_postgres_views(postgres_url))

    async def check() -> None:
        while opened:
            await opened.pop().close()
        await until(
            lambda rows: rows[0][0] == 1,
            postgres_url,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
        )

    assert await swept(run, check) > 10


# --- ended --------------------------------------------------------------------------------


async def test_a_save_whose_backend_is_terminated_changes_nothing_and_the_next_one_works(
    store, generation, postgres_url
):
    async with store.transaction(generation, 0, START, Checkpoint(mark(1), 0)) as client:
        waiting = asyncio.ensure_future(save(store, generation, START, 2))
        await terminate(postgres_url, await waiting_for_a_lock(postgres_url, "twofold_checkpoints"))
        with pytest.raises(StoreUnavailableError):
            await waiting
        await client.execute("SELECT 1")

    await save(store, generation, mark(1), 2)
    assert await is_whole(store, generation) == mark(2)


async def test_a_transaction_whose_backend_is_terminated_is_rolled_back(store, generation, postgres_url):
    async def work() -> None:
        async with store.transaction(generation, 0, START, Checkpoint(mark(1), 0)) as client:
            await terminate(postgres_url, await client.fetchval("SELECT pg_backend_pid()"))
            await client.execute("SELECT 1")

    with pytest.raises(StoreUnavailableError):
        await work()

    await save(store, generation, START, 1)
    await nothing_is_left(store, postgres_url)


async def test_a_transaction_that_was_ended_through_its_client_is_said_to_be(store, generation):
    async def work() -> None:
        async with store.transaction(generation, 0, START, Checkpoint(mark(1), 0)) as client:
            await client.execute("ROLLBACK")

    with pytest.raises(MisuseError, match="ended the transaction"):
        await work()

    assert await is_whole(store, generation) == START


async def test_two_transactions_in_each_others_way_may_be_tried_again(store, postgres_url):
    generation = await store.open_generation(PAGE, EPOCH, shards=2)
    await ask(postgres_url, "CREATE TABLE notes AS SELECT n, 0 AS seen FROM generate_series(0, 1) AS n")
    begun = [asyncio.Event(), asyncio.Event()]

    async def work(shard: int) -> None:
        async with store.transaction(generation, shard, START, Checkpoint(mark(1), 0)) as client:
            await client.execute("UPDATE notes SET seen = 1 WHERE n = $1", shard)
            begun[shard].set()
            await begun[1 - shard].wait()
            await client.execute("UPDATE notes SET seen = 1 WHERE n = $1", 1 - shard)

    results = await asyncio.gather(work(0), work(1), return_exceptions=True)

    assert [type(result) for result in results if result] == [StoreUnavailableError]


# --- PgBouncer ----------------------------------------------------------------------------


@pytest.mark.needs("/usr/sbin/pgbouncer", "folds and answers through PgBouncer in transaction mode")
async def test_all_of_it_works_through_pgbouncer(postgres_url):
    with pgbouncer(postgres_url, pool=2) as url:
        stores = [await open_postgres_views(f"{url}&pgbouncer=true") for _ in range(3)]
        generation = (await asyncio.gather(*[store.open_generation(PAGE, EPOCH) for store in stores]))[0]
        there = START
        for position in range(1, 21):
            results: list[Any] = await asyncio.gather(
                *[save(store, generation, there, position) for store in stores], return_exceptions=True
            )
            there = mark(position)
            assert sorted(type(result).__name__ for result in results) == ["LeaseLostError"] * 2 + ["NoneType"]
            answers = await asyncio.gather(*[store.get(PAGE, ("a",)) for store in stores for _ in range(5)])
            assert {(found.mark, found.rows[0].values["count"]) for found in answers} == {(there, position)}
        async with stores[0].transaction(generation, 0, there, Checkpoint(mark(21), 3)) as client:
            await client.execute("SET TIME ZONE 'Asia/Tokyo'")
            await client.execute('DELETE FROM twofold_views."' + PAGE.view + '__1"')
        with pytest.raises(LeaseLostError):
            await save(stores[1], generation, mark(21), 22)

        assert (await stores[2].count(PAGE, ())).count == 0
        assert await stores[2].load(generation, 0, [("a",)]) == {}
        for store in stores:
            await store.close()
