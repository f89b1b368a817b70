"""What is true of the SQLite log beside the contract: its file."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from twofold.adapters.sqlite import checkpointer
from twofold.adapters.sqlite.log import SqliteLog, open_sqlite_log
from twofold.event_store.write import ANY_VERSION
from twofold.testing.contracts.writes import append, append_to, outcome, part, write


@pytest.fixture
async def log(tmp_path: Path):
    log = await open_sqlite_log(str(tmp_path / "log.db"))
    yield log
    await log.close()


@pytest.fixture
def raw(tmp_path: Path, log: SqliteLog):
    connection = apsw.Connection(str(tmp_path / "log.db"))
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = x'7b7d'",
        "UPDATE events SET position = position + 1",
        "DELETE FROM events",
        "DELETE FROM events WHERE position = 2",
    ],
)
async def test_the_file_itself_refuses_to_change_events(log: SqliteLog, raw: apsw.Connection, statement: str) -> None:
    await append_to(log.events, "thing-1", 3)
    before = await log.events.read_log(0)

    with pytest.raises(apsw.ConstraintError, match="events are never"):
        raw.execute(statement)

    assert await log.events.read_log(0) == before


async def test_the_file_is_written_ahead_and_synced_at_every_commit(log: SqliteLog) -> None:
    connection = log._writer.connection

    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2, "FULL"
    assert connection.pragma("wal_autocheckpoint") == 0, "the checkpointer does it, off the commit path"


async def test_the_write_ahead_log_starts_over_while_the_writer_never_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointer, "PAGES", 20)
    monkeypatch.setattr(checkpointer, "TOO_MANY_PAGES", 60)
    log = await open_sqlite_log(str(tmp_path / "log.db"))

    starts = pages = 0
    for _ in range(50_000):
        await append(log.events, write(part("thing-1", ANY_VERSION), outcome=outcome()))
        starts += log._checkpointer._pages < pages
        pages = log._checkpointer._pages
        if starts == 3:
            break

    assert starts == 3
    await log.close()
    assert os.listdir(tmp_path) == ["log.db"], "the last to leave tidies up"  # noqa: PTH208 - paths block too
