"""What is SQLite's own about the view store: its file, its threads, and what goes wrong with disks."""

from __future__ import annotations

import asyncio
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.unit.adapters.pages import PAGE, START, ask, at, filled, page
from twofold.adapters.sqlite import view_file
from twofold.adapters.sqlite.view_file import APPLICATION_ID
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.errors import (
    InputError,
    LeaseLostError,
    MisuseError,
    OtherRowsError,
    StoreUnavailableError,
    StoreUnusableError,
)
from twofold.read.view_store import Column, Condition, Kind, RowChange, Search


def contents(path: str) -> bytes:
    return Path(path).read_bytes()


# --- the file -----------------------------------------------------------------------------


async def test_rows_and_checkpoint_outlive_the_store(path: str):
    store = await SqliteViewStore.open(path)
    await filled(store, 3)
    await store.close()

    again = await SqliteViewStore.open(path)
    generation = await again.open_generation(PAGE, "epoch")

    assert await again.checkpoint(generation, 0) == at(1)
    assert len((await again.find(PAGE, Search())).rows) == 3
    await again.close()


async def test_a_file_keeps_its_identity_and_a_copy_of_it_is_another_store(path: str):
    store = await SqliteViewStore.open(path)
    again = await SqliteViewStore.open(path)
    await store.close()
    shutil.copy(path, f"{path}.copy")
    copy = await SqliteViewStore.open(f"{path}.copy")

    identities = (store.identity, again.identity, copy.identity)

    await again.close()
    await copy.close()
    assert identities[0] == identities[1] != identities[2]


async def test_other_tools_read_the_live_rows_under_the_views_name(store: SqliteViewStore, path: str):
    await filled(store, 2)

    assert ask(path, "SELECT * FROM Page ORDER BY total DESC") == [("page 000001", 1), ("page 000000", 0)]


async def test_the_file_may_lose_its_last_commits_but_the_order_of_writes_is_kept(store: SqliteViewStore):
    writer = store._file.writer

    assert (writer.pragma("journal_mode"), writer.pragma("synchronous")) == ("wal", 1)


async def test_a_file_of_another_program_is_refused_untouched(path: str):
    other = apsw.Connection(path)
    other.execute("CREATE TABLE theirs (id)").fetchall()
    other.close()
    before = contents(path)

    with pytest.raises(StoreUnusableError, match="name another file"):
        await SqliteViewStore.open(path)

    assert contents(path) == before


async def test_a_file_that_is_no_database_is_refused_untouched(path: str):
    await asyncio.to_thread(Path(path).write_bytes, b"my diary " * 1000)

    with pytest.raises(StoreUnusableError, match="not an SQLite database"):
        await SqliteViewStore.open(path)

    assert contents(path) == b"my diary " * 1000


async def test_a_file_of_a_newer_twofold_is_refused(path: str):
    newer = apsw.Connection(path)
    newer.pragma("application_id", APPLICATION_ID)
    newer.pragma("user_version", 99)
    newer.close()

    with pytest.raises(StoreUnusableError, match="upgrade twofold"):
        await SqliteViewStore.open(path)


async def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path):
    with pytest.raises(StoreUnusableError, match="folder must exist"):
        await SqliteViewStore.open(str(tmp_path / "nowhere" / "views.db"))


async def test_two_processes_that_open_a_new_file_at_once_agree(path: str):
    one, other = await SqliteViewStore.open(path), await SqliteViewStore.open(path)

    first, second = [await store.open_generation(PAGE, "epoch") for store in (one, other)]
    await one.save(first, 0, [page(1)], START, at(1))

    assert first == second
    with pytest.raises(LeaseLostError):
        await other.save(second, 0, [page(2)], START, at(1))
    assert len((await other.find(PAGE, Search())).rows) == 1
    await one.close()
    await other.close()


async def test_a_declared_index_is_used_for_the_sort(store: SqliteViewStore, path: str):
    await filled(store, 3)

    plan = ask(path, 'EXPLAIN QUERY PLAN SELECT id FROM "Page__1" ORDER BY "total" DESC NULLS LAST LIMIT 1')

    assert "USING COVERING INDEX Page__1__total" in plan[0][3]


async def test_an_index_that_was_declared_later_is_made_when_the_view_is_opened(store: SqliteViewStore, path: str):
    await store.open_generation(PAGE._replace(indexes=()), "epoch")
    names = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'Page%'"
    before = ask(path, names)

    await store.open_generation(PAGE, "epoch")

    assert (before, ask(path, names)) == ([], [("Page__1__total",)])


# --- generations --------------------------------------------------------------------------


async def test_a_generation_that_this_store_did_not_open_is_a_misuse(store: SqliteViewStore):
    generation = await filled(store, 1)

    with pytest.raises(MisuseError, match="was not opened"):
        await store.load(generation._replace(number=9), 0, [("a",)])


async def test_rows_of_other_code_are_refused_with_the_remedy(store: SqliteViewStore):
    await filled(store, 1)
    wider = PAGE._replace(columns=(*PAGE.columns, Column("colour", Kind.TEXT, optional=True, type=str)))

    for question in (store.get(wider, ("page 000000",)), store.find(wider, Search()), store.count(wider, ())):
        with pytest.raises(OtherRowsError, match=r"without colour "):
            await question


async def test_a_reader_follows_the_pointer_to_another_generation(store: SqliteViewStore, path: str):
    await filled(store, 1)
    before = await store.get(PAGE, ("page 000000",))
    other = await SqliteViewStore.open(path)
    second = await other.build(PAGE._replace(fingerprint="f"), "epoch")
    await other.save(second, 0, [page(0, 77)], START, at(5))
    await other.promote(second)
    await other.close()

    after = await store.get(PAGE, ("page 000000",))

    assert (before.generation, before.mark.position, before.rows[0].values["total"]) == (1, 1, 0)
    assert (after.generation, after.mark.position, after.rows[0].values["total"]) == (2, 5, 77)
    assert (await store.find(PAGE, Search())).generation == 2


async def test_a_view_that_was_never_opened_has_no_rows(store: SqliteViewStore):
    assert (await store.get(PAGE, ("a",))).rows == []
    assert (await store.find(PAGE, Search())).generation == 0
    assert (await store.count(PAGE, ())).count == 0


# --- what does not fit --------------------------------------------------------------------


@pytest.mark.parametrize("value", [2**63, "ten", b"x", 1.5, object()])
async def test_a_value_that_does_not_fit_is_an_input_error_and_nothing_is_saved(store: SqliteViewStore, value: Any):
    generation = await filled(store, 1)

    with pytest.raises(InputError, match="Page has a row that cannot be stored"):
        await store.save(generation, 0, [page(0, 5), page(1, value)], at(1).mark, at(2))

    assert (await store.get(PAGE, ("page 000000",))).rows[0].values["total"] == 0
    assert await store.checkpoint(generation, 0) == at(1)
    await store.save(generation, 0, [page(1)], at(1).mark, at(2))


async def test_nan_is_refused_where_sqlite_would_keep_null(store: SqliteViewStore):
    table = PAGE._replace(columns=(PAGE.columns[0], Column("total", Kind.REAL, optional=True, type=float)))
    generation = await store.open_generation(table, "epoch")

    with pytest.raises(InputError, match="NaN"):
        await store.save(generation, 0, [page(1, float("nan"))], START, at(1))


async def test_as_many_values_as_a_search_may_hold_are_looked_for(store: SqliteViewStore):
    await filled(store, 10)

    found = await store.find(PAGE, Search((Condition("total", "in", tuple(range(5, 20_000))),)))

    assert len(found.rows) == 5


async def test_a_row_of_many_columns_is_stored(store: SqliteViewStore):
    names = [f"f{number}" for number in range(600)]
    columns = tuple(Column(name, Kind.DECIMAL, optional=True, type=Decimal) for name in names)
    table = PAGE._replace(view="Wide", columns=(PAGE.columns[0], *columns), indexes=())
    generation = await store.open_generation(table, "epoch")
    wide = [{"id": str(number), **dict.fromkeys(names, Decimal(number))} for number in range(20)]

    await store.save(generation, 0, [RowChange((row["id"],), row, 1) for row in wide], START, at(1))

    loaded = await store.load(generation, 0, [(row["id"],) for row in wide])
    assert [loaded[row["id"],].values for row in wide] == wide


# --- disks and other processes ------------------------------------------------------------


async def test_a_full_disk_is_unavailable_with_the_remedy_and_nothing_half_written(store: SqliteViewStore):
    generation = await filled(store, 10)
    writer = store._file.writer
    writer.pragma("max_page_count", writer.pragma("page_count") + 2)

    with pytest.raises(StoreUnavailableError, match="free some space"):
        await store.save(generation, 0, [page(number, 5) for number in range(5000)], at(1).mark, at(2))

    assert (await store.count(PAGE, (Condition("total", "gte", 0),))).count == 10
    assert await store.checkpoint(generation, 0) == at(1)
    writer.pragma("max_page_count", 1_000_000)
    await store.save(generation, 0, [page(number, 5) for number in range(5000)], at(1).mark, at(2))
    assert (await store.count(PAGE, ())).count == 5000


async def test_a_write_waits_for_another_process_without_stopping_the_loop(store: SqliteViewStore, path: str):
    generation = await filled(store, 1)
    other = apsw.Connection(path)
    other.execute("BEGIN IMMEDIATE").fetchall()

    saving = asyncio.create_task(store.save(generation, 0, [page(1)], at(1).mark, at(2)))
    for _ in range(20):
        await store.get(PAGE, ("page 000000",))
        await asyncio.sleep(0)
    was_waiting = not saving.done()
    other.execute("ROLLBACK").fetchall()
    other.close()
    await saving

    assert was_waiting
    assert await store.checkpoint(generation, 0) == at(2)


async def test_a_file_that_stays_locked_is_unavailable(
    store: SqliteViewStore, path: str, monkeypatch: pytest.MonkeyPatch
):
    generation = await filled(store, 1)
    monkeypatch.setattr(view_file, "BUSY_MILLIS", 1)
    other = apsw.Connection(path)
    other.execute("BEGIN IMMEDIATE").fetchall()

    with pytest.raises(StoreUnavailableError, match="locked by another process"):
        await store.save(generation, 0, [page(1)], at(1).mark, at(2))

    other.close()
    await store.save(generation, 0, [page(1)], at(1).mark, at(2))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_fork_is_refused(store: SqliteViewStore, path: str):
    await filled(store, 1)
    child = os.fork()
    if child == 0:
        try:
            asyncio.new_event_loop().run_until_complete(store.get(PAGE, ("page 000000",)))
        except StoreUnusableError as error:
            os._exit(0 if path in str(error) else 2)
        finally:
            os._exit(1)

    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
