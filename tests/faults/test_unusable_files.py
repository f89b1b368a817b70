"""A file that is no store of this twofold is refused in one sentence that names the remedy, and left as it was."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import apsw
import pytest

from twofold.adapters.sql.migration import Migration
from twofold.adapters.sqlite import connection, writer
from twofold.adapters.sqlite.connection import migrate, schema_version
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.errors import StoreUnavailableError, StoreUnusableError
from twofold.testing.contracts.writes import append_to, part, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


async def make_store(path: Path) -> None:
    log = await open_sqlite_log(str(path))
    await append_to(log.events, "thing-1", 200)
    await log.close()


def refused(path: Path, why: str) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreUnusableError, match=why) as raised:
        asyncio.run(open_sqlite_log(str(path)))
    assert str(path) in str(raised.value)
    assert path.read_bytes() == before


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)

    refused(path, "is not an SQLite database; name another file")


def test_another_programs_sqlite_file_is_refused(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE bookmarks (url)")
    other.close()

    refused(path, "is an SQLite file of something else; name another file")


def test_a_store_of_a_newer_twofold_is_refused(path: Path) -> None:
    asyncio.run(make_store(path))
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", 999)
    newer.close()

    refused(path, r"has schema version 999, newer than .* upgrade twofold")


def test_a_damaged_store_is_refused_or_said_to_be_damaged(path: Path) -> None:
    asyncio.run(make_store(path))
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(StoreUnusableError, match="is damaged; restore it from a backup"):
        asyncio.run(read_all(path))


async def read_all(path: Path) -> None:
    log = await open_sqlite_log(str(path))
    try:
        await log.events.read_log(0)
    finally:
        await log.close()


async def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusableError, match="the folder must exist and be writable"):
        await open_sqlite_log(str(tmp_path / "nowhere" / "log.db"))


async def test_a_file_that_another_process_locks_is_busy_and_usable_afterwards(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connection, writer):
        monkeypatch.setattr(module, "BUSY_MILLIS", 50)
    log = await open_sqlite_log(str(path))
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailableError, match="is locked by another process; try again"):
        await log.events.append([write(part("thing-1", 0))])
    other.close()

    await append_to(log.events, "thing-1", 1)
    await log.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_a_store_is_refused_in_a_process_forked_from_its_opener(path: Path) -> None:
    log = await open_sqlite_log(str(path))
    child = os.fork()
    if not child:
        try:
            log.events.append([write(part("thing-1", 0))]).send(None)
        except StoreUnusableError:
            os._exit(7)
        os._exit(1)

    _, status = os.waitpid(child, 0)  # noqa: ASYNC222 - the child only looks and leaves

    assert os.waitstatus_to_exitcode(status) == 7
    await append_to(log.events, "thing-1", 1)
    await log.close()


def test_a_file_that_another_process_makes_at_this_moment_is_not_taken_for_something_elses(tmp_path: Path) -> None:
    path, steps = str(tmp_path / "new.db"), [Migration(1, "notes", "CREATE TABLE notes (note TEXT)")]
    ours, theirs = apsw.Connection(path), apsw.Connection(path)
    theirs.pragma("journal_mode", "wal")

    def made_meanwhile(_cursor: apsw.Cursor, statement: str, _values: object) -> bool:
        if "user_version" in statement:
            migrate(theirs, path, steps, 42)
        return True

    ours.exec_trace = made_meanwhile
    seen = schema_version(ours, path, steps, 42)

    assert seen == 0
    ours.exec_trace = None
    assert schema_version(ours, path, steps, 42) == 1
    ours.close()
    theirs.close()
