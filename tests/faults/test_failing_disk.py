"""A full or broken disk gives one clear error, and nothing that was acknowledged is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from tests.faults.failing_disk import FailingDisk
from tests.faults.history import Line, check_file, check_order, lost, work
from twofold.adapters.sqlite import checkpointer, writer
from twofold.adapters.sqlite.log import SqliteLog, open_sqlite_log
from twofold.errors import StoreUnavailableError


@pytest.fixture(autouse=True)
def on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the n-th operation is the same one in every run."""
    monkeypatch.setattr(writer, "INLINE_SECONDS", 1000.0)
    monkeypatch.setattr(checkpointer, "PAGES", 10**9)


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    disk = FailingDisk("failing")
    yield disk
    disk.unregister()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.db")


async def close_quietly(log: SqliteLog) -> None:
    with suppress(apsw.Error):
        await log.close()


async def check_reopened(path: str, history: list[Line]) -> None:
    log = await open_sqlite_log(path)
    assert await lost(log, history) == []
    await check_order(log)
    await work(log, random.Random(9), history.append, "later", rounds=2)
    await log.close()
    check_file(path)


@pytest.mark.parametrize("n", range(1, 12))
async def test_a_full_disk_is_said_so_and_the_log_goes_on_when_there_is_room(
    disk: FailingDisk, path: str, n: int
) -> None:
    history: list[Line] = []
    log = await open_sqlite_log(path, vfs=disk.name)
    await work(log, random.Random(1), history.append, "before", rounds=3)
    disk.fail("write", n, apsw.FullError, for_ever=True)

    with pytest.raises(StoreUnavailableError, match="disk is full; free some space"):
        await work(log, random.Random(2), history.append, "client", rounds=20)
    assert await lost(log, history) == []
    disk.mend()
    await work(log, random.Random(3), history.append, "after", rounds=3)

    assert await lost(log, history) == []
    await log.close()
    await check_reopened(path, history)


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize(("operation", "n"), [("write", 1), ("write", 2), ("write", 7), ("sync", 1), ("sync", 2)])
async def test_after_a_failed_write_or_sync_nothing_is_acknowledged_until_the_store_is_opened_again(
    disk: FailingDisk, path: str, operation: str, n: int, *, for_ever: bool
) -> None:
    history: list[Line] = []
    log = await open_sqlite_log(path, vfs=disk.name)
    await work(log, random.Random(1), history.append, "before", rounds=3)
    disk.fail(operation, n, apsw.IOError, for_ever=for_ever)

    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match="check the disk, then open the store again"):
            await work(log, random.Random(2), history.append, "client", rounds=20)
    disk.mend()
    with pytest.raises(StoreUnavailableError):
        await work(log, random.Random(3), history.append, "still", rounds=1)
    assert await lost(log, history) == []

    await close_quietly(log)
    await check_reopened(path, history)


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
@pytest.mark.parametrize("operation", ["write", "sync"])
async def test_a_disk_that_fails_while_a_store_is_made_leaves_one_that_can_be_opened(
    disk: FailingDisk, path: str, operation: str, error: type[apsw.Error]
) -> None:
    for n in range(1, 200):
        disk.fail(operation, n, error)
        try:
            log = await open_sqlite_log(path, vfs=disk.name)
        except StoreUnavailableError:
            disk.mend()
            await check_reopened(path, [])
            for file in Path(path).parent.iterdir():
                file.unlink()
        else:
            disk.mend()
            await close_quietly(log)
            break
    assert n > 1, "nothing failed: the test shows nothing"


async def test_a_unit_of_work_on_a_broken_disk_is_rolled_back_with_a_clear_error(disk: FailingDisk, path: str) -> None:
    log = await open_sqlite_log(path, vfs=disk.name)
    assert log.transactions is not None
    disk.fail("sync", 1, apsw.IOError)

    with pytest.raises(StoreUnavailableError, match="check the disk"):
        async with log.transactions.begin(5) as unit:
            unit.connection.execute("CREATE TABLE mine (x)")

    with pytest.raises(StoreUnavailableError):
        await work(log, random.Random(1), list[Line]().append, "client", rounds=1)
    await close_quietly(log)
    await check_reopened(path, [])
