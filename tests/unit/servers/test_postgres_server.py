"""The servers that other tests lean on do what those tests believe."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.servers.databases import Databases, ask
from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES, Servers
from tests.servers.pgbouncer import pgbouncer
from tests.servers.place import Place
from tests.servers.postgres import PostgresServer

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("postgres_version", [POSTGRES, DEBIAN_POSTGRES])


@BOTH
async def test_a_test_gets_an_empty_database_on_a_durable_server(postgres_url: str) -> None:
    rows = await ask(
        postgres_url,
        "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,"
        " (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS tables",
    )

    assert dict(rows[0]) == {"fsync": "on", "commit": "on", "tables": 0}


@BOTH
async def test_the_two_servers_are_two_versions_that_sort_differently(postgres_url: str, postgres_version: str) -> None:
    [row] = await ask(postgres_url, "SELECT current_setting('server_version_num')::int / 10000, 'B' < 'a'")

    version, by_code_points = row
    if postgres_version == POSTGRES:
        assert (version, by_code_points) == (18, True)
    elif version >= 15:
        assert not by_code_points


def test_two_databases_are_strangers_and_are_gone_at_the_end(servers: Servers) -> None:
    shared = servers.databases()
    databases = Databases(shared.url())

    with databases.fresh() as one, databases.fresh() as other:
        asyncio.run(ask(one, "CREATE TABLE mine ()"))
        with pytest.raises(asyncpg.UndefinedTableError):
            asyncio.run(ask(other, "SELECT FROM mine"))
    databases.close()

    names = [urlsplit(url).path.removeprefix("/") for url in (one, other)]
    assert shared.ask("SELECT 1 FROM pg_database WHERE datname = any($1)", names) == []


def test_a_database_may_start_from_a_prepared_one(servers: Servers) -> None:
    async def prepare(url: str) -> None:
        await ask(url, "CREATE TABLE ready ()")

    databases = servers.databases()
    template = databases.prepared(prepare)

    with databases.fresh(template) as url:
        assert asyncio.run(ask(url, "SELECT FROM ready")) == []
    assert databases.prepared(prepare) == template


def test_what_was_committed_survives_a_stop_at_once(own_postgres: PostgresServer) -> None:
    databases = own_postgres.databases
    databases.ask("CREATE TABLE kept (a int)")
    before = own_postgres.pid

    own_postgres.restart()

    assert own_postgres.pid != before
    assert databases.ask("SELECT count(*) FROM kept")[0][0] == 0


def test_a_server_that_was_restarted_hands_out_databases_again(own_postgres: PostgresServer) -> None:
    databases = own_postgres.databases
    with databases.fresh():
        databases.ask("SELECT 1")  # behind the database that is made ahead of time
        own_postgres.restart()

    with databases.fresh() as spare, databases.fresh() as url:
        assert asyncio.run(ask(url, "SELECT 1"))[0][0] == asyncio.run(ask(spare, "SELECT 1"))[0][0] == 1


async def test_a_frozen_server_does_not_answer_until_it_is_resumed(own_postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(own_postgres.databases.url())
    own_postgres.freeze()
    answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))

    done, _ = await asyncio.wait([answer], timeout=0.1)
    assert not done

    own_postgres.resume()
    assert await answer == 1
    await connection.close()


@pytest.mark.needs("pgbouncer", "hands out a server's connections a transaction at a time")
async def test_pgbouncer_gives_each_transaction_any_of_its_connections(postgres_url: str) -> None:
    with pgbouncer(postgres_url, pool=1) as url:
        one = await asyncpg.connect(url, statement_cache_size=0)
        other = await asyncpg.connect(url, statement_cache_size=0)

        assert await one.fetchval("SELECT pg_backend_pid()") == await other.fetchval("SELECT pg_backend_pid()")

        await one.close()
        await other.close()


def test_a_killed_run_leaves_neither_servers_nor_folders(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(
        "import os, signal\n"
        "from tests.servers.postgres import PostgresServer\n"
        "with PostgresServer.running() as server:\n"
        "    print(server.pid, server.folder, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}

    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, env=environment)
    pid, folder = ended.stdout.split()

    assert ended.returncode == -9
    assert eventually_gone(Path(folder))
    assert not Path(f"/proc/{pid}/fd").exists() or not any(Path(f"/proc/{pid}/fd").iterdir())


def eventually_gone(folder: Path) -> bool:
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not folder.exists()


@pytest.mark.needs("root", "only root runs its servers as somebody else")
def test_programs_in_a_closed_folder_are_copied_to_where_the_server_may_run_them(tmp_path: Path) -> None:
    tree = tmp_path / "closed"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin" / "true").write_text("#!/bin/sh\n")
    (tree / "bin" / "true").chmod(0o755)
    tree.chmod(0o700)

    with Place("test") as place:
        readable = place.readable(tree, "bin/true")

        assert readable != tree
        place.run([readable / "bin/true"])
        assert place.readable(readable, "bin/true") == readable
