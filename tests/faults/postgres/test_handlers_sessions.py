"""What a state-stored handler changes of its session is gone when somebody else gets the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.faults.postgres.doing import Do, Doing
from tests.servers.pgbouncer import pgbouncer
from twofold import OpenApp, UnitOfWork
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log
from twofold.adapters.postgres.session import Session

CHANGES = {
    "a setting": "SET statement_timeout = '7s'",
    "the path": "SET search_path = nowhere",
    "a role": "SET ROLE pg_monitor",
    "a temporary table": "CREATE TEMP TABLE account (owner text)",
    "a lock": "SELECT pg_advisory_lock(42)",
    "a listener": "LISTEN gossip",
    "a cursor": "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
}
LEFT_BEHIND = """
SELECT current_setting('statement_timeout') AS timeout, current_setting('search_path') AS path, current_user AS who,
       (SELECT count(*) FROM pg_class WHERE relpersistence = 't') AS tables,
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
       (SELECT count(*) FROM pg_listening_channels() AS channel WHERE channel <> 'twofold') AS listeners,
       (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors
"""


@asynccontextmanager
async def one_connection(url: str) -> AsyncIterator[PostgresLog]:
    """A log on a single connection, which everybody gets in turn."""
    log = await open_postgres_log(url, pool_size=1)
    try:
        yield log
    finally:
        await log.close()


async def change_session(log: PostgresLog, statement: str, *, fails: bool = False) -> int:
    """A handler's part that changes the session; returns the backend that it was on."""
    assert log.transactions is not None
    pid = 0
    with suppress(ZeroDivisionError):
        async with log.transactions.begin(5.0) as unit:
            pid = await unit.connection.fetchval("SELECT pg_backend_pid()")
            await unit.connection.execute(statement)
            if fails:
                raise ZeroDivisionError
    return pid


async def state_of_session(log: PostgresLog) -> dict[str, Any]:
    assert log.transactions is not None
    async with log.transactions.begin(5.0) as unit:
        return dict(await unit.connection.fetchrow(LEFT_BEHIND))


@pytest.mark.parametrize("fails", [False, True], ids=["committed", "rolled back"])
@pytest.mark.parametrize("change", CHANGES)
async def test_what_a_handler_changes_of_its_session_ends_with_it(log_url: str, change: str, fails: bool) -> None:
    async with one_connection(log_url) as log:
        clean = await state_of_session(log)

        pid = await change_session(log, CHANGES[change], fails=fails)

        assert await state_of_session(log) == clean
        assert await change_session(log, "SELECT 1") == pid, "it was thrown away"


async def test_without_the_reset_the_same_changes_are_seen(log_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(Session, "get_reset_query", lambda _: "")
    async with one_connection(log_url) as log:
        clean = await state_of_session(log)
        for change in CHANGES.values():
            await change_session(log, change)

        left = await state_of_session(log)

        assert [name for name in clean if left[name] == clean[name]] == []


async def test_through_pgbouncer_too_nothing_of_a_session_is_left(log_url: str) -> None:
    with pgbouncer(log_url, pool=1) as url:
        async with one_connection(f"{url}&pgbouncer=true") as log:
            clean = await state_of_session(log)
            for change in CHANGES.values():
                pid = await change_session(log, change)

            assert await state_of_session(log) == clean
            assert await change_session(log, "SELECT 1") == pid


async def test_a_codec_that_a_handler_has_set_ends_with_its_connection(doing: Doing, shop: OpenApp) -> None:
    seen: list[Any] = []

    async def does(work: UnitOfWork, number: int) -> None:
        seen.append(await work.connection.fetchval("SELECT '[1]'::jsonb"))
        await work.connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=lambda _: "decoded")
        seen.append(await work.connection.fetchval("SELECT '[1]'::jsonb"))

    doing.does = does
    for _ in range(3):
        await shop.send(Do())

    assert seen == ["[1]", "decoded"] * 3
