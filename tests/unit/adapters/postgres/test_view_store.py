"""What is PostgreSQL's own about the view store: tables that people read, locks, round trips, and what goes wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.faults.postgres.sessions import waiting_for_a_lock
from tests.servers.databases import ask
from twofold.adapters.postgres.view_store import PostgresViewStore, open_postgres_views
from twofold.errors import (
    ConflictError,
    InputError,
    LeaseLostError,
    MisuseError,
    OtherRowsError,
    StoreUnavailableError,
)
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.view_store import Checkpoint, Column, Condition, Generation, Kind, RowChange, Search, ViewTable

START = Mark("epoch", 0, NO_CHECK)
COLUMNS = (
    Column("id", Kind.TEXT, optional=False, type=str),
    Column("total", Kind.DECIMAL, optional=False, type=Decimal),
    Column("at", Kind.DATETIME, optional=True, type=datetime),
    Column("tags", Kind.JSON, optional=False, type=list[str]),
)
PAGE = ViewTable("Page", COLUMNS, ("id",), (("total",),), "fingerprint-1")
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def at(position: int, fence: int = 0) -> Checkpoint:
    return Checkpoint(Mark("epoch", position, position.to_bytes(8, "big")), fence)


def page(number: int, total: Any = 1, **more: Any) -> RowChange:
    key = f"page {number:06}"
    total = Decimal(total) if isinstance(total, int) else total
    return RowChange((key,), {"id": key, "total": total, "at": NOON, "tags": ["new"], **more}, 1)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresViewStore]:
    store = await open_postgres_views(postgres_url)
    yield store
    await store.close()


async def filled(store: PostgresViewStore, rows: int) -> Generation:
    generation = await store.open_generation(PAGE, "epoch")
    await store.save(generation, 0, [page(number, number) for number in range(rows)], START, at(1))
    return generation


# --- what people see ----------------------------------------------------------------------


async def test_people_read_the_live_rows_with_plain_sql_under_the_views_name(store, postgres_url):
    await filled(store, 3)

    rows = await ask(
        postgres_url,
        """SELECT id, total + 0.5 AS more, at AT TIME ZONE 'UTC' AS at, tags ->> 0 AS tag
        FROM twofold_views."Page" WHERE total >= 1 ORDER BY total DESC""",
    )

    assert [tuple(row) for row in rows] == [
        ("page 000002", Decimal("2.5"), NOON.replace(tzinfo=None), "new"),
        ("page 000001", Decimal("1.5"), NOON.replace(tzinfo=None), "new"),
    ]


async def swapped(store: PostgresViewStore, table: ViewTable) -> None:
    """A second generation with one row, built and promoted."""
    generation = await store.build(table._replace(fingerprint="fingerprint-2"), "epoch")
    new = {"id": "new", "total": Decimal(7), "sum": Decimal(7), "at": NOON, "tags": []}
    row = {column.name: new[column.name] for column in table.columns}
    await store.save(generation, 0, [RowChange(("new",), row, 1)], START, at(1))
    await store.promote(generation)


async def test_a_swap_in_place_keeps_who_may_read_the_view(store, postgres_url):
    await filled(store, 1)
    [[analyst]] = await ask(postgres_url, "SELECT quote_ident('analyst_' || current_database())")
    await ask(postgres_url, f"CREATE ROLE {analyst} LOGIN")
    await ask(postgres_url, f"GRANT USAGE ON SCHEMA twofold_views TO {analyst}")
    await ask(postgres_url, f'GRANT SELECT ON twofold_views."Page" TO {analyst}')
    theirs = postgres_url.replace("//postgres@", f"//{analyst}@")

    before = await ask(theirs, 'SELECT id FROM twofold_views."Page"')
    await swapped(store, PAGE)
    after = await ask(theirs, 'SELECT id FROM twofold_views."Page"')
    await ask(postgres_url, f"DROP OWNED BY {analyst}")
    await ask(postgres_url, f"DROP ROLE {analyst}")

    assert ([row["id"] for row in before], [row["id"] for row in after]) == (["page 000000"], ["new"])


async def test_a_swap_to_other_columns_keeps_the_name(store, postgres_url):
    await filled(store, 1)
    renamed = (COLUMNS[0], COLUMNS[1]._replace(name="sum"), *COLUMNS[2:])

    await swapped(store, PAGE._replace(columns=renamed, indexes=()))

    [row] = await ask(postgres_url, 'SELECT * FROM twofold_views."Page"')
    assert (row["id"], row["sum"]) == ("new", 7)


async def test_readers_follow_a_swap_and_never_see_an_empty_view(store, postgres_url):
    await filled(store, 1)
    reader = await open_postgres_views(postgres_url)
    old = await reader.get(PAGE, ("page 000000",))

    await swapped(store, PAGE)

    assert (len(old.rows), old.generation) == (1, 1)
    for found in (await reader.get(PAGE, ("new",)), await store.find(PAGE, Search())):
        assert ([row.values["id"] for row in found.rows], found.generation) == (["new"], 2)
    await reader.close()


async def test_whoever_reads_for_long_by_the_views_name_holds_up_a_swap_and_nobody_who_folds(store, postgres_url):
    live = await filled(store, 1)
    built = await store.build(PAGE._replace(fingerprint="fingerprint-2"), "epoch")
    await store.save(built, 0, [page(0, 7)], START, at(2))
    analyst = await asyncpg.connect(postgres_url)
    reading = analyst.transaction()
    await reading.start()
    await analyst.fetch('SELECT * FROM twofold_views."Page"')

    async with asyncio.timeout(20):
        promoting = asyncio.ensure_future(store.promote(built))
        await waiting_for_a_lock(postgres_url, "Page")
        await store.save(live, 0, [page(0, 5)], at(1).mark, at(2))
        with pytest.raises(ConflictError, match="transaction open that reads"):
            await promoting
    await reading.rollback()
    await analyst.close()
    await store.promote(built)

    assert (await store.get(PAGE, ("page 000000",))).generation == built.number


async def test_readers_of_a_generation_that_was_dropped_find_the_live_one(store, postgres_url):
    await filled(store, 1)
    assert (await store.get(PAGE, ("page 000000",))).generation == 1
    await swapped(store, PAGE)
    await ask(postgres_url, 'DROP TABLE twofold_views."Page__1"')

    assert (await store.get(PAGE, ("new",))).generation == 2


async def test_a_generation_that_is_never_found_ends_in_a_typed_error(store, postgres_url):
    await filled(store, 1)
    await ask(postgres_url, 'DROP VIEW twofold_views."Page"')
    await ask(postgres_url, 'DROP TABLE twofold_views."Page__1"')

    with pytest.raises(StoreUnavailableError, match="replaced again"):
        await store.get(PAGE, ("new",))


async def test_rows_that_other_code_built_are_refused(store):
    await filled(store, 1)
    wider = PAGE._replace(columns=(*COLUMNS, Column("colour", Kind.TEXT, optional=True, type=str)))

    with pytest.raises(OtherRowsError, match="without colour"):
        await store.get(wider, ("page 000000",))


async def test_a_view_that_nobody_has_opened_has_no_rows(store):
    assert (await store.get(PAGE, ("a",))).generation == 0
    assert (await store.find(PAGE, Search())).rows == []
    assert (await store.count(PAGE, ())).count == 0


async def test_a_generation_that_this_store_has_not_opened_is_refused(store):
    with pytest.raises(MisuseError, match="was not opened"):
        await store.load(Generation("Page", 9, "", "", 1, "live"), 0, [("a",)])


# --- opening ------------------------------------------------------------------------------


async def test_eight_who_open_one_view_at_once_on_nothing_have_one_generation(postgres_url):
    async def opened() -> Generation:
        store = await open_postgres_views(postgres_url)
        generation = await store.open_generation(PAGE, "epoch", shards=3)
        await store.close()
        return generation

    found = await asyncio.gather(*[opened() for _ in range(8)])

    assert set(found) == {Generation("Page", 1, "fingerprint-1", "epoch", 3, "live")}


async def test_an_index_that_is_declared_later_is_made(store, postgres_url):
    await filled(store, 1)

    await store.open_generation(PAGE._replace(indexes=(("total",), ("at", "total"))), "epoch")

    rows = await ask(postgres_url, "SELECT indexname FROM pg_indexes WHERE tablename = 'Page__1' ORDER BY 1")
    assert [row[0] for row in rows] == ["Page__1__at__total", "Page__1__total", "Page__1_pkey"]


async def test_opening_again_waits_for_nobody_who_writes(store):
    generation = await filled(store, 1)

    async with asyncio.timeout(10), store.transaction(generation, 0, at(1).mark, at(2)) as client:
        await client.execute('UPDATE twofold_views."Page__1" SET total = 3')

        assert await store.open_generation(PAGE, "epoch") == generation


async def test_an_index_serves_an_order_with_none_in_it(store, postgres_url):
    table = PAGE._replace(indexes=(("at",),))
    await store.open_generation(table, "epoch")

    plan = await ask(
        postgres_url,
        """EXPLAIN SELECT * FROM twofold_views."Page__1" ORDER BY "at" ASC NULLS FIRST, "id" ASC LIMIT 3""",
    )

    assert "Index Scan using" in "".join(row[0] for row in plan)


# --- round trips and locks ----------------------------------------------------------------


async def test_each_answer_and_each_batch_is_one_statement(store):
    generation = await filled(store, 3)
    await store.get(PAGE, ("page 000000",))
    sent: list[str] = []
    async with store._database.acquire() as connection:
        connection.add_query_logger(listen := lambda record: sent.append(record.query))

    await store.get(PAGE, ("page 000001",))
    await store.get(PAGE, ("missing",))
    await store.find(PAGE, Search())
    await store.count(PAGE, ())
    await store.load(generation, 0, [("page 000001",), ("page 000002",)])
    await store.save(generation, 0, [page(4), RowChange(("page 000001",), None, 2)], at(1).mark, at(2))

    await asyncio.sleep(0)
    assert len(sent) == 6
    connection.remove_query_logger(listen)


async def test_shards_are_saved_side_by_side(store):
    generation = await store.open_generation(PAGE, "epoch", shards=2)

    async with asyncio.timeout(10), store.transaction(generation, 0, START, at(1)):
        await store.save(generation, 1, [page(1)], START, at(1))

    assert (await store.checkpoint(generation, 1)).mark == at(1).mark


async def test_who_saves_second_waits_and_is_refused(store, postgres_url):
    generation = await filled(store, 1)
    other = await open_postgres_views(postgres_url)
    await other.open_generation(PAGE, "epoch")

    async with store.transaction(generation, 0, at(1).mark, at(2)):
        second = asyncio.ensure_future(other.save(generation, 0, [page(0, 9)], at(1).mark, at(2)))
        await waiting_for_a_lock(postgres_url, "twofold_checkpoints")

    with pytest.raises(LeaseLostError, match="is at position 2"):
        await second
    assert (await store.get(PAGE, ("page 000000",))).rows[0].values["total"] == 0
    await other.close()


async def test_others_hear_of_what_was_saved_and_of_nothing_else(store, postgres_url):
    generation = await store.open_generation(PAGE._replace(view="My Page"), "epoch")
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(postgres_url)
    await listener.add_listener("twofold_views", lambda *told: heard.put_nowait(told[-1]))

    with pytest.raises(LeaseLostError):
        await store.save(generation, 0, [page(1)], at(1).mark, at(2))
    await store.save(generation, 0, [page(1)], START, at(1))
    async with store.transaction(generation, 0, at(1).mark, at(2)):
        pass

    async with asyncio.timeout(10):
        assert [await heard.get(), await heard.get()] == ["My Page 1 0 1", "My Page 1 0 2"]
    await listener.close()


# --- batches ------------------------------------------------------------------------------


async def test_ten_thousand_rows_are_one_batch(store):
    generation = await filled(store, 10_000)
    changes = [page(number, 5) if number % 2 else RowChange(page(number).key, None, 2) for number in range(10_000)]

    await store.save(generation, 0, changes, at(1).mark, at(2))

    assert (await store.count(PAGE, (Condition("total", "eq", Decimal(5)),))).count == 5_000
    assert len(await store.load(generation, 0, [change.key for change in changes])) == 5_000


async def test_of_several_changes_of_one_row_the_last_one_counts(store):
    generation = await store.open_generation(PAGE, "epoch")
    gone = RowChange(page(1).key, None, 2)

    await store.save(generation, 0, [page(1), gone, page(2), page(2, 7), page(3), gone, page(1, 9)], START, at(1))

    rows = (await store.find(PAGE, Search())).rows
    assert [row.values["total"] for row in rows] == [9, 7, 1]


@pytest.mark.parametrize(
    "unfit",
    [
        {"total": Decimal("NaN")},
        {"total": "no number"},
        {"id": "a\0b"},
        {"tags": ["a\0b"]},
        {"id": "lone \ud800"},
        {"id": None},
        {"at": datetime(2024, 1, 1)},  # noqa: DTZ001 - what is refused
        {"id": "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=50_000))},
    ],
    ids=["nan", "type", "nul", "nested nul", "surrogate", "none", "naive", "too long for an index"],
)
async def test_a_value_that_no_column_takes_is_a_typed_error_and_changes_nothing(store, unfit):
    generation = await filled(store, 1)

    with pytest.raises(InputError, match="Page has a row that cannot be stored"):
        await store.save(generation, 0, [page(0, 5), page(1, **unfit)], at(1).mark, at(2))

    assert (await store.get(PAGE, ("page 000000",))).rows[0].values["total"] == 0
    await store.save(generation, 0, [page(1)], at(1).mark, at(2))


async def test_a_closed_store_answers_with_a_typed_error(postgres_url):
    store = await open_postgres_views(postgres_url)
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailableError.__base__):  # type: ignore[arg-type]
        await store.get(PAGE, ("a",))
