"""Where the view store's work is done, how it ends, and its own client."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw
import pytest

from tests.unit.adapters.pages import PAGE, START, ask, at, filled, page
from twofold.adapters.sqlite import view_file, view_turns
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.errors import ClosedError, LeaseLostError, StoreUnavailableError
from twofold.read.view_store import Condition, Search, ViewTable


async def begun(store: SqliteViewStore) -> None:
    """Wait until the save that was started has the writer."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert store._file._writing.locked()


# --- turns, threads and the end -------------------------------------------------------------


@pytest.fixture(params=["loop", "thread"])
def place(request: pytest.FixtureRequest, store: SqliteViewStore) -> str:
    """Work is done on the loop, or, as after a slow step, on threads."""
    if request.param == "thread":
        store._file.turns._slow_until = float("inf")
    return str(request.param)


async def test_work_is_the_same_on_loop_and_thread(store: SqliteViewStore, place: str):
    generation = await filled(store, 1000)

    loaded = await store.load(generation, 0, [(f"page {number:06}",) for number in range(1000)])
    found = await store.find(PAGE, Search(order_by=("-total",), limit=500))

    assert len(loaded) == 1000
    assert [row.values["total"] for row in found.rows] == list(range(999, 499, -1))


async def test_a_cancelled_save_changes_nothing(store: SqliteViewStore, place: str):
    generation = await filled(store, 1)
    saving = asyncio.create_task(
        store.save(generation, 0, [page(number, 5) for number in range(20_000)], at(1).mark, at(2))
    )
    await begun(store)

    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving

    assert await store.checkpoint(generation, 0) == at(1)
    assert (await store.count(PAGE, ())).count == 1
    await store.save(generation, 0, [page(2)], at(1).mark, at(2))


async def test_others_have_their_turn_during_a_large_batch(store: SqliteViewStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(view_turns, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(view_turns, "SLOW_SECONDS", float("inf"))
    generation = await store.open_generation(PAGE, "epoch")
    saving = asyncio.create_task(store.save(generation, 0, [page(number) for number in range(20_000)], START, at(1)))
    turns = 0
    while not saving.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 300


async def test_a_slow_step_moves_the_rest_to_a_thread(store: SqliteViewStore, monkeypatch: pytest.MonkeyPatch):
    generation = await filled(store, 1)
    monkeypatch.setattr(view_turns, "SLOW_SECONDS", -1.0)

    await store.save(generation, 0, [page(number) for number in range(500)], at(1).mark, at(2))

    assert any(thread.name.startswith("twofold-views") for thread in threading.enumerate())
    assert (await store.count(PAGE, ())).count == 500


async def test_a_long_search_is_begun_again_on_a_thread(store: SqliteViewStore, monkeypatch: pytest.MonkeyPatch):
    await filled(store, 5000)
    monkeypatch.setattr(view_file, "BUDGET_OPERATIONS", 100)

    found = await store.find(PAGE, Search((Condition("id", "contains", "999"),), ("-id",)))

    assert [row.values["id"] for row in found.rows] == [
        f"page {number}999" for number in ("004", "003", "002", "001", "000")
    ]
    assert any(thread.name.startswith("twofold-views") for thread in threading.enumerate())


async def test_more_searches_at_once_than_connections(store: SqliteViewStore):
    await filled(store, 2000)

    answers = await asyncio.gather(*[store.find(PAGE, Search(limit=1500)) for _ in range(20)])

    assert [len(found.rows) for found in answers] == [1500] * 20


async def test_closing_ends_every_thread_and_waits_for_what_is_running(path: str):
    before = set(threading.enumerate())
    store = await SqliteViewStore.open(path)
    generation = await filled(store, 10)
    store._file.turns._slow_until = float("inf")
    saving = asyncio.create_task(store.save(generation, 0, [page(number) for number in range(5000)], at(1).mark, at(2)))
    await begun(store)

    await store.close()
    await store.close()

    await saving
    assert set(threading.enumerate()) == before
    assert ask(path, "SELECT count(*) FROM Page") == [(5000,)]
    assert not await asyncio.to_thread(Path(path + "-wal").exists)


async def test_a_closed_store_refuses_everything(path: str):
    store = await SqliteViewStore.open(path)
    generation = await filled(store, 1)
    await store.close()

    for question in (
        store.get(PAGE, ("a",)),
        store.find(PAGE, Search()),
        store.load(generation, 0, [("a",)]),
        store.save(generation, 0, [], at(1).mark, at(2)),
        store.checkpoint(generation, 0),
    ):
        with pytest.raises(ClosedError):
            await question


# --- the client -----------------------------------------------------------------------------


async def test_the_clients_changes_and_the_checkpoint_are_one_transaction(store: SqliteViewStore, path: str):
    generation = await store.open_generation(ViewTable("Raw", (), (), (), "f"), "epoch")

    async with store.transaction(generation, 0, START, at(3, fence=2)) as client:
        client.execute("CREATE TABLE mine (id UNIQUE)").fetchall()
        client.execute("INSERT INTO mine VALUES (1)").fetchall()
    with pytest.raises(apsw.ConstraintError):
        async with store.transaction(generation, 0, at(3).mark, at(4, fence=2)) as client:
            client.execute("INSERT INTO mine VALUES (2), (1)").fetchall()

    assert ask(path, "SELECT * FROM mine") == [(1,)]
    assert await store.checkpoint(generation, 0) == at(3, fence=2)


async def test_the_client_is_not_had_from_another_place_or_with_an_older_lease(store: SqliteViewStore):
    generation = await filled(store, 1)

    for expected, reached in ((START, at(2)), (at(1).mark, at(2, fence=-1))):
        with pytest.raises(LeaseLostError):
            async with store.transaction(generation, 0, expected, reached):
                pytest.fail("it was had")


async def test_a_disk_that_is_full_for_the_client_is_unavailable(store: SqliteViewStore):
    generation = await filled(store, 1)
    writer = store._file.writer
    writer.pragma("max_page_count", writer.pragma("page_count") + 1)

    with pytest.raises(StoreUnavailableError, match="free some space"):
        async with store.transaction(generation, 0, at(1).mark, at(2)) as client:
            client.execute("CREATE TABLE mine AS SELECT zeroblob(99999) AS zeros").fetchall()

    assert await store.checkpoint(generation, 0) == at(1)
