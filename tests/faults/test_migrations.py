"""Schemas grow step by step: from nothing or from any step before, killed half-way or not, the end is the same."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from tests.servers.databases import ask
from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES
from tests.servers.pgbouncer import pgbouncer
from twofold.adapters.postgres import migrations
from twofold.adapters.postgres.log import open_postgres_log
from twofold.adapters.postgres.migrations import PACKAGE, PostgresSchema, Role, migrate, script
from twofold.adapters.sql.migration import Migration
from twofold.adapters.sql.statements import load_migrations
from twofold.adapters.sqlite import connection as sqlite_connection
from twofold.adapters.sqlite.log import APPLICATION_ID, open_sqlite_log
from twofold.adapters.sqlite.log import PACKAGE as SQLITE
from twofold.errors import StoreUnavailableError
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.store import Log
from twofold.event_store.write import StreamWrite, Write

SOURCE = Path(__file__).parents[2] / "src"
BOTH = pytest.mark.parametrize("postgres_version", [POSTGRES, DEBIAN_POSTGRES])
ROLES: dict[Role, str] = {"log": "schema", "views": "view_schema"}
STEPS = [(role, number) for role, folder in ROLES.items() for number in range(len(load_migrations(PACKAGE, folder)))]
CATALOGUE = """
SELECT 'column', table_schema, table_name, column_name || ' ' || data_type || ' ' || is_nullable ||
       coalesce(' ' || column_default, '') || coalesce(' ' || collation_name, '') || coalesce(generation_expression, '')
FROM information_schema.columns WHERE table_schema LIKE 'twofold%'
UNION ALL SELECT 'index', schemaname, tablename, indexdef FROM pg_indexes WHERE schemaname LIKE 'twofold%'
UNION ALL SELECT 'constraint', n.nspname, c.relname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname LIKE 'twofold%'
UNION ALL SELECT 'function', n.nspname, p.proname, pg_get_functiondef(p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname LIKE 'twofold%'
UNION ALL SELECT 'trigger', n.nspname, c.relname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname LIKE 'twofold%'
"""
EVENT_AT_1 = """
INSERT INTO twofold.events (position, stream, version, category, slice, type, schema_version, data, message_id,
                            causation_id, correlation_id, recorded_at)
SELECT 1, 'Tea-1', 1, 'Tea', 0, 'Poured', 1, '{}', id, id, id, 1 FROM (SELECT gen_random_uuid() AS id) AS made
"""
SQLITE_EVENT_AT_1 = """
INSERT INTO store VALUES (1, 'e', 1);
INSERT INTO names VALUES (1, 'Poured', 1);
INSERT INTO streams VALUES (1, 'Tea-1', 'Tea', 0);
INSERT INTO events VALUES (1, 1, 1, 0, 1, x'7b7d', randomblob(16), randomblob(16), NULL, NULL, 1);
INSERT INTO heads VALUES (1, 1, 1);
"""
SLOW = [
    Migration(1, "quick", "CREATE TABLE twofold.quick (n integer);"),
    Migration(2, "slow", "CREATE TABLE twofold.half (n integer); SELECT pg_sleep(20); CREATE TABLE twofold.slow ();"),
]
MIGRATE_SLOWLY = """
import asyncio, sys, asyncpg
from twofold.adapters.postgres import migrations
from twofold.adapters.sql.migration import Migration

async def main(url, *scripts):
    steps = [Migration(number, name, text) for number, (name, text) in enumerate(zip(scripts[::2], scripts[1::2]), 1)]
    migrations.load_migrations = lambda package, folder: steps
    await migrations.migrate(await asyncpg.connect(url), "", "", "log")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def plant(monkeypatch: pytest.MonkeyPatch, steps: list[Migration]) -> None:
    monkeypatch.setattr(migrations, "load_migrations", lambda _package, _folder: steps)


async def catalogue(url: str) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in await ask(url, CATALOGUE)}


async def append_and_read(log: Log) -> list[int]:
    """The versions of the stream after one more event."""
    event = NewEvent("Poured", 1, b"{}", os.urandom(16))
    await log.events.append(
        [Write((StreamWrite("Tea-1", 1, (event,)),), None, event.message_id, event.message_id, b"{}")]
    )
    return [event.version for event in await log.events.read_stream("Tea-1")]


# --- the end is the same -------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(("role", "number"), STEPS)
async def test_stopping_after_any_step_and_going_on_ends_as_going_through(postgres_url, monkeypatch, role, number):
    steps = load_migrations(PACKAGE, ROLES[role])
    plant(monkeypatch, steps[: number + 1])
    await PostgresSchema(postgres_url, role).migrate()
    plant(monkeypatch, steps)
    await PostgresSchema(postgres_url, role).migrate()
    grown = await catalogue(postgres_url)

    await ask(postgres_url, f"DROP SCHEMA {migrations._SCHEMAS[role]} CASCADE")
    await PostgresSchema(postgres_url, role).migrate()

    assert grown == await catalogue(postgres_url)


async def test_a_lost_index_shows_in_the_catalogue(postgres_url):
    """The control: the comparison can fail."""
    await PostgresSchema(postgres_url, "log").migrate()
    whole = await catalogue(postgres_url)

    await ask(postgres_url, "DROP INDEX twofold.events_by_stream")

    assert await catalogue(postgres_url) < whole


@BOTH
async def test_a_log_of_the_first_migration_goes_on_with_its_events(postgres_url, monkeypatch):
    steps = load_migrations(PACKAGE)
    plant(monkeypatch, steps[:1])
    await PostgresSchema(postgres_url, "log").migrate()
    await ask(postgres_url, EVENT_AT_1)
    plant(monkeypatch, steps)

    log = await open_postgres_log(postgres_url)

    assert await append_and_read(log) == [1, 2]
    await log.close()


async def test_an_sqlite_log_of_the_first_migration_goes_on_with_its_events(tmp_path):
    path = str(tmp_path / "old.db")
    old = apsw.Connection(path)
    sqlite_connection.migrate(old, path, load_migrations(SQLITE)[:1], APPLICATION_ID)
    old.execute(SQLITE_EVENT_AT_1).fetchall()
    old.close()

    log = await open_sqlite_log(path)

    assert await append_and_read(log) == [1, 2]
    await log.close()


# --- interrupted ---------------------------------------------------------------------------


async def until_sleeping(url: str) -> int:
    """The server process that is in the middle of the slow migration."""
    while True:
        rows = await ask(
            url, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )
        if rows:
            return int(rows[0]["pid"])


def migrating_process(url: str, steps: list[Migration]) -> subprocess.Popen[bytes]:
    scripts = [part for step in steps for part in (step.name, step.script)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen([sys.executable, "-c", MIGRATE_SLOWLY, url, *scripts], env=environment)


def psql(url: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = ["psql", "--quiet", "--no-psqlrc", "--output", os.devnull, "--dbname", url, "--file", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_killed_half_way_it_leaves_nothing_of_that_step_and_the_next_run_goes_on(postgres_url, connection):
    with migrating_process(postgres_url, SLOW) as process:
        sleeping = await until_sleeping(postgres_url)
        process.send_signal(signal.SIGKILL)
    await ask(postgres_url, "SELECT pg_cancel_backend($1)", sleeping)  # else it finds out when it wakes

    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch, [SLOW[0], SLOW[1]._replace(script="CREATE TABLE twofold.half (n integer);")])
        applied = await migrate(connection, PACKAGE, "schema", "log")

    assert [step.number for step in applied] == [2]


async def test_a_connection_that_is_ended_half_way_is_retried_by_running_again(postgres_url, connection, monkeypatch):
    plant(monkeypatch, SLOW)
    migrating = asyncio.create_task(migrate(connection, PACKAGE, "schema", "log"))
    await ask(postgres_url, "SELECT pg_terminate_backend($1)", await until_sleeping(postgres_url))

    with pytest.raises(StoreUnavailableError):
        await migrating

    tables = await ask(postgres_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'twofold' ORDER BY 1")
    assert [row["tablename"] for row in tables] == ["migrations", "quick"]


async def test_a_cancelled_migration_leaves_nothing_of_its_step(postgres_url, connection, monkeypatch):
    plant(monkeypatch, SLOW)
    migrating = asyncio.create_task(migrate(connection, PACKAGE, "schema", "log"))
    await until_sleeping(postgres_url)

    migrating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await migrating

    tables = await ask(postgres_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'twofold' ORDER BY 1")
    assert [row["tablename"] for row in tables] == ["migrations", "quick"]


# --- other ways in -------------------------------------------------------------------------


@pytest.mark.needs("/usr/sbin/pgbouncer", "migrates through PgBouncer in transaction mode")
async def test_eight_migrate_at_once_through_pgbouncer(postgres_url):
    with pgbouncer(postgres_url) as url:
        schemas = [PostgresSchema(f"{url}&pgbouncer=true", "log") for _ in range(8)]
        applied = await asyncio.gather(*(schema.migrate() for schema in schemas))

    numbers = sorted(step.number for steps in applied for step in steps)
    assert numbers == [step.number for step in load_migrations(PACKAGE)]


@pytest.mark.needs("psql", "runs the printed script")
@pytest.mark.parametrize("role", list(ROLES))
async def test_psql_runs_the_printed_script_to_the_same_end(postgres_url, tmp_path, role):
    schema = PostgresSchema(postgres_url, role)
    file = tmp_path / "migrate.sql"
    file.write_text(schema.script(await schema.pending()))

    first, again = psql(postgres_url, file), psql(postgres_url, file)

    assert (first.returncode, first.stderr) == (0, "")
    assert again.returncode != 0
    assert "print the script again" in again.stderr
    by_hand = await catalogue(postgres_url)
    await ask(postgres_url, f"DROP SCHEMA {migrations._SCHEMAS[role]} CASCADE")
    await schema.migrate()
    assert by_hand == await catalogue(postgres_url)


async def test_psql_stops_at_the_first_error(postgres_url, tmp_path):
    broken = [Migration(1, "broken", "SELECT 1 / 0;"), Migration(2, "next", "CREATE TABLE twofold.next ();")]

    text = PostgresSchema(postgres_url, "log").script(broken)

    assert text.startswith("\\set ON_ERROR_STOP on\n")
    assert script(broken, "log") in text


@BOTH
async def test_a_user_without_the_right_to_change_tables_runs_on_what_the_owner_made(postgres_url):
    await PostgresSchema(postgres_url, "log").migrate()
    await ask(postgres_url, "DROP ROLE IF EXISTS twofold_runner")
    await ask(postgres_url, "CREATE ROLE twofold_runner LOGIN")
    for grant in (
        "GRANT USAGE ON SCHEMA twofold TO twofold_runner",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA twofold TO twofold_runner",
    ):
        await ask(postgres_url, grant)

    log = await open_postgres_log(postgres_url.replace("postgres@", "twofold_runner@"))

    await log.events.append([Write((StreamWrite("Tea-1", 0, ()),), None, bytes(16), bytes(16), b"{}")])
    await log.close()
    await ask(postgres_url, "DROP OWNED BY twofold_runner")
    await ask(postgres_url, "DROP ROLE twofold_runner")
