"""Migrations of a PostgreSQL database: once each, whole or not at all, whoever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES
from twofold.adapters.postgres import migrations
from twofold.adapters.postgres.migrations import PACKAGE, checksum, migrate, pending, script
from twofold.adapters.sql.migration import Migration
from twofold.adapters.sql.statements import load_migrations, load_statements
from twofold.errors import StoreUnusableError, TwofoldError

NOTES = Migration(1, "notes", "CREATE TABLE twofold.notes (text text);")
MARKS = Migration(2, "marks", "CREATE TABLE twofold.marks (n integer);")
BROKEN = Migration(2, "broken", "CREATE TABLE twofold.half (n integer); SELECT 1 / 0;")
TABLES = (
    "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema LIKE 'twofold%'"
)


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the given steps be what is found in the package."""

    def plant(*steps: Migration) -> None:
        monkeypatch.setattr(migrations, "load_migrations", lambda _package, _folder: list(steps))

    return plant


async def run(connection: Any) -> list[Migration]:
    return await migrate(connection, PACKAGE, "schema", "log")


async def tables(connection: Any) -> set[str]:
    return {row["name"] for row in await connection.fetch(TABLES)}


async def test_an_empty_database_is_brought_up_to_date(connection):
    steps = load_migrations(PACKAGE)

    assert await pending(connection, PACKAGE, "schema", "log") == steps
    assert await run(connection) == steps
    assert await pending(connection, PACKAGE, "schema", "log") == []
    assert {"twofold.migrations", "twofold.events"} <= await tables(connection)


async def test_a_second_run_applies_nothing(connection):
    await run(connection)

    assert await run(connection) == []


async def test_asking_what_is_pending_changes_nothing(connection):
    await pending(connection, PACKAGE, "schema", "log")

    assert await tables(connection) == set()


async def test_only_the_missing_migrations_are_applied(connection, planted):
    planted(NOTES)
    await run(connection)
    planted(NOTES, MARKS)

    assert await pending(connection, PACKAGE, "schema", "log") == [MARKS]
    assert await run(connection) == [MARKS]


async def test_the_roles_do_not_know_each_other(connection, planted):
    planted(NOTES)
    await run(connection)
    planted(Migration(1, "other", "CREATE TABLE twofold_views.other (n integer);"))

    await migrate(connection, PACKAGE, "view_schema", "views")

    assert await tables(connection) == {
        "twofold.migrations",
        "twofold.notes",
        "twofold_views.migrations",
        "twofold_views.other",
    }


async def test_a_broken_migration_leaves_nothing_and_those_before_it_stay(connection, planted):
    planted(NOTES, BROKEN)

    with pytest.raises(TwofoldError, match="division by zero"):
        await run(connection)

    assert await tables(connection) == {"twofold.migrations", "twofold.notes"}
    planted(NOTES, MARKS)
    assert await run(connection) == [MARKS]


async def test_a_schema_newer_than_the_code_is_refused(connection, planted):
    planted(NOTES, MARKS)
    await run(connection)
    planted(NOTES)

    with pytest.raises(StoreUnusableError, match="newer twofold; upgrade"):
        await run(connection)


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(connection, planted):
    planted(NOTES)
    await run(connection)
    planted(NOTES._replace(script=NOTES.script + " -- changed"), MARKS)

    with pytest.raises(StoreUnusableError, match="is not the one that this twofold has"):
        await run(connection)


async def test_a_table_that_somebody_else_made_is_left_alone_and_named(connection, planted):
    await connection.execute("CREATE SCHEMA twofold; CREATE TABLE twofold.notes (mine text)")
    planted(NOTES)

    with pytest.raises(StoreUnusableError, match='relation "notes" already exists'):
        await run(connection)


async def test_a_user_without_the_right_is_told_who_can(connection, planted, postgres_url):
    planted(NOTES)
    await connection.execute("DROP ROLE IF EXISTS twofold_guest; CREATE ROLE twofold_guest")
    await connection.execute("SET ROLE twofold_guest")

    with pytest.raises(StoreUnusableError, match=r"`twofold migrate --sql`"):
        await run(connection)

    await connection.execute("RESET ROLE; DROP ROLE twofold_guest")


async def test_a_users_stricter_isolation_does_not_apply_a_migration_twice(postgres_url):
    strict = {"default_transaction_isolation": "repeatable read"}
    connections = [await asyncpg.connect(postgres_url, server_settings=strict) for _ in range(8)]

    applied = await asyncio.gather(*(run(connection) for connection in connections))

    assert sorted(step.number for steps in applied for step in steps) == [
        step.number for step in load_migrations(PACKAGE)
    ]
    for connection in connections:
        await connection.close()


@pytest.mark.parametrize("postgres_version", [POSTGRES, DEBIAN_POSTGRES])
async def test_eight_that_start_at_once_apply_each_migration_once(postgres_url, planted):
    steps = [Migration(n, f"step_{n}", f"CREATE TABLE twofold.step_{n} (n integer);") for n in range(1, 6)]
    planted(*steps)
    connections = [await asyncpg.connect(postgres_url) for _ in range(8)]

    applied = await asyncio.gather(*(run(connection) for connection in connections))

    assert sorted(step.number for each in applied for step in each) == [1, 2, 3, 4, 5]
    for connection in connections:
        await connection.close()


async def test_without_the_lock_some_of_them_fail(postgres_url, planted, monkeypatch):
    """The control: what the lock is for."""
    plain = load_statements(PACKAGE, "log_migration_statements") | {"take_turn": "SELECT pg_sleep(0.05)"}
    monkeypatch.setattr(migrations, "load_statements", lambda _package, _folder: plain)
    planted(NOTES)
    connections = [await asyncpg.connect(postgres_url) for _ in range(8)]

    applied = await asyncio.gather(*(run(connection) for connection in connections), return_exceptions=True)

    assert any(isinstance(each, TwofoldError) for each in applied)
    for connection in connections:
        await connection.close()


async def test_line_ends_do_not_change_a_checksum():
    assert checksum(NOTES._replace(script="a\r\nb")) == checksum(NOTES._replace(script="a\nb"))


async def test_the_printed_script_does_what_migrate_does(connection, planted):
    await connection.execute(script([NOTES], "log"))
    planted(NOTES, MARKS)

    assert await pending(connection, PACKAGE, "schema", "log") == [MARKS]


async def test_the_printed_script_refuses_to_run_out_of_turn(connection):
    with pytest.raises(asyncpg.RaiseError, match="print the script again"):
        await connection.execute(script([MARKS], "log"))

    await connection.execute("ROLLBACK")
    assert await tables(connection) == set()
