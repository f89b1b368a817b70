"""`twofold doctor` on PostgreSQL, and that looking at a store changes nothing of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.doors.cli.conftest import Run, environment, json_of
from tests.servers.databases import ask
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer
from twofold.cli.exits import UNHEALTHY
from twofold.cli.target import load_app


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One whose settings are known, and that lets anybody in: another may be named for the rest of the tests."""
    with PostgresServer.running() as server:
        yield server


@pytest.fixture
def postgres_url(server: PostgresServer) -> Iterator[str]:
    with server.databases.fresh() as url:
        yield url


def findings(run: Run, *arguments: str) -> dict[str, dict[str, Any]]:
    """What the doctor found, by subject."""
    report = json.loads(run("doctor", *arguments, "--json").stdout)
    return {finding["subject"]: finding for finding in report["findings"]}


def sql(url: str, *statements: str) -> list[Any]:
    """Run *statements* on the database at *url*; the rows of the last."""
    return [asyncio.run(ask(url, statement)) for statement in statements][-1]


def schemas(url: str) -> list[str]:
    rows = sql(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'twofold%' ORDER BY 1")
    return [row[0] for row in rows]


def fill(url: str, *titles: str, views: str | None = None) -> list[str]:
    """Send commands to the app in the working folder and bring its views in step; their tokens."""

    async def filling() -> list[str]:
        async with load_app("app:app").open(url, views=views, workers=False) as tasks:
            command = sys.modules["app"].OpenTask
            receipts = [await tasks.send(command(task_id=title, title=title)) for title in titles]
            await tasks.run_until_idle()
            return [receipt.token for receipt in receipts]

    return asyncio.run(filling())


# --- what is looked at ------------------------------------------------------------------------


def test_a_sound_database_is_found_sound(project: Path, run: Run, postgres_url: str) -> None:
    fill(postgres_url, "t1")

    result = run("doctor", "--store", postgres_url)

    assert result.exit_code == 0, result.output
    assert re.search(r"^ok   server: PostgreSQL \d+", result.output, re.MULTILINE)
    assert re.search(r"so \d processes fit", result.output)
    assert "ok   schema twofold: every migration is applied" in result.output
    assert "ok   schema twofold_views: every migration is applied" in result.output
    assert "opens; epoch " in result.output
    assert "ok   view TaskPage: " in result.output


def test_processes_at_work_are_counted(project: Path, run: Run, postgres_url: str) -> None:
    async def while_two_work() -> dict[str, dict[str, Any]]:
        app = load_app("app:app")
        async with app.open(postgres_url, workers=False) as first, app.open(postgres_url, workers=False) as second:
            await first.step()
            await second.step()
            return await asyncio.to_thread(findings, run, "--store", postgres_url)

    working = asyncio.run(while_two_work())
    alone = findings(run, "--store", postgres_url)

    assert working["processes"]["text"] == "2 at work on this log"
    assert alone["processes"]["verdict"] == "note"
    assert alone["processes"]["remedy"] == "start one with `twofold run`"


def test_log_and_views_in_two_stores_are_looked_at_each(project: Path, run: Run, postgres_url: str) -> None:
    fill(postgres_url, "t1", views="sqlite:///rows.db")

    found = findings(run, "--store", postgres_url, "--views", "sqlite:///rows.db")

    assert found["server"]["text"].endswith("for log")
    assert found["disk"]["text"].endswith("beside rows.db (views)")
    assert re.search(r"so 1\d processes fit", found["connections"]["text"])
    assert "schema twofold_views" not in found


def test_an_empty_database_is_told_from_a_sick_one_and_left_empty(project: Path, run: Run, postgres_url: str) -> None:
    result = run("doctor", "--store", postgres_url)

    assert result.exit_code == 0, result.output
    assert "note schema twofold: lacks migration 1 (log)" in result.output
    assert "do: run `twofold migrate`, or `twofold run`, which does it too" in result.output
    assert schemas(postgres_url) == []


def test_what_may_only_be_checked_is_not_said_to_be_made_by_itself(
    project: Path, run: Run, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOFOLD_MIGRATE", "check")

    assert findings(run, "--store", postgres_url)["schema twofold"]["remedy"] == "run `twofold migrate`"


@pytest.mark.parametrize(("size", "verdict"), [(10, "ok"), (80, "note"), (150, "bad")])
def test_pools_are_held_against_what_the_server_has(
    project: Path, run: Run, postgres_url: str, size: int, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOFOLD_POOL_SIZE", str(size))

    assert findings(run, "--store", postgres_url)["connections"]["verdict"] == verdict


def test_limits_of_a_role_and_a_database_count_too(project: Path, run: Run, postgres_url: str) -> None:
    database = urlsplit(postgres_url).path[1:]
    sql(postgres_url, f'ALTER DATABASE "{database}" CONNECTION LIMIT 22')

    assert "the server gives this user 22" in findings(run, "--store", postgres_url)["connections"]["text"]


def test_missing_privileges_are_named_and_what_is_advised_grants_them(
    project: Path, run: Run, postgres_url: str
) -> None:
    role = f"clerk_{os.getpid()}"
    fill(postgres_url)
    sql(postgres_url, f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} LOGIN", "DROP SCHEMA twofold_views CASCADE")
    run("migrate", "--store", postgres_url)
    clerk = postgres_url.replace("postgres@", f"{role}@")

    blind = run("doctor", "--store", clerk)
    sql(postgres_url, f"GRANT USAGE ON SCHEMA twofold, twofold_views TO {role}")
    lacking = findings(run, "--store", clerk)
    sql(postgres_url, *re.findall(r"GRANT [^;]*", blind.output))
    fill(clerk, "t1")
    sound = run("doctor", "--store", clerk)
    sql(postgres_url, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")

    assert blind.exit_code == UNHEALTHY
    assert "bad  schema twofold: this user may not look into it" in blind.output
    assert lacking["schema twofold"]["text"].startswith("this user lacks DELETE on twofold.leases, ")
    assert "CREATE on schema twofold_views" in lacking["schema twofold_views"]["text"]
    assert sound.exit_code == 0, sound.output


def test_an_empty_database_that_this_user_may_not_fill_is_bad(project: Path, run: Run, postgres_url: str) -> None:
    role = f"guest_{os.getpid()}"
    sql(postgres_url, f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} LOGIN")

    found = findings(run, "--store", postgres_url.replace("postgres@", f"{role}@"))
    sql(postgres_url, f"DROP ROLE {role}")

    assert found["schema twofold"]["verdict"] == "bad"
    assert "let the owner of the database run what `twofold migrate --sql` prints" in found["schema twofold"]["remedy"]


def test_a_schema_of_another_twofold_is_bad_and_the_rest_is_looked_at(
    project: Path, run: Run, postgres_url: str
) -> None:
    fill(postgres_url)
    sql(postgres_url, "UPDATE twofold.migrations SET checksum = 'other' WHERE number = 1")

    found = findings(run, "--store", postgres_url)

    assert found["schema twofold"]["verdict"] == "bad"
    assert "is not the one that this twofold has" in found["schema twofold"]["text"]
    assert found["schema twofold_views"]["verdict"] == "ok"


# --- poolers ----------------------------------------------------------------------------------


def test_a_pooler_is_found_and_whether_the_url_says_so(project: Path, run: Run, postgres_url: str, needs: Any) -> None:
    needs("pgbouncer", "hands out a server's connections a transaction at a time")
    with pgbouncer(postgres_url, quiet=True) as pooled:
        found = [
            findings(run, "--store", url).get("pooler", {"verdict": "none", "text": ""})
            for url in (postgres_url, f"{pooled}&pgbouncer=true", pooled, f"{postgres_url}&pgbouncer=true")
        ]

    assert [each["verdict"] for each in found] == ["none", "ok", "note", "note"]
    assert "perhaps PgBouncer" in found[2]["text"]
    assert "there is none" in found[3]["text"]


def test_a_pooler_that_does_not_know_our_settings_is_named(
    project: Path, run: Run, postgres_url: str, needs: Any
) -> None:
    needs("pgbouncer", "hands out a server's connections a transaction at a time")

    with pgbouncer(postgres_url) as url:
        result = run("events", "tail", "--store", url)

    assert "seems to be PgBouncer: add pgbouncer=true to its URL" in result.output


# --- what it never shows, and never does ------------------------------------------------------


@pytest.mark.parametrize("verb", ["doctor", "doctor --restored", "events tail", "view status", "run"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cr#et@127.0.0.1:1/shop",
        "postgresql://ada:s3cr/et@127.0.0.1:1/shop",
        "postgresql://ada:s3cr@et@127.0.0.1:1/shop",
        "postgresql:/ada:s3cret@127.0.0.1:1/shop",
        "postgresql+asyncpg://ada:s3cr@et@127.0.0.1:1/shop",
        "postgresql://ada:s3cret@127.0.0.1:1/shop",
    ],
)
def test_nothing_of_a_password_is_shown_however_wrong_the_url(project: Path, run: Run, verb: str, url: str) -> None:
    result = run(*verb.split(), "--store", url)

    assert result.exit_code != 0
    assert "s3cr" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_password_is_not_shown_when_all_is_well(project: Path, run: Run, postgres_url: str) -> None:
    fill(postgres_url)
    url = postgres_url.replace("postgres@", "postgres:s3cret@")

    shown = [run(*verb, "--store", url).output for verb in (["doctor"], ["doctor", "--restored"], ["migrate"])]

    assert "s3cret" not in "".join(shown)
    assert "postgres:***@" in shown[0]


@pytest.mark.parametrize(
    "verb", [["events", "tail"], ["stream", "show", "Task-1"], ["export"], ["view", "status"], ["command", "log"]]
)
def test_looking_at_an_empty_database_makes_nothing(
    project: Path, run: Run, postgres_url: str, verb: list[str]
) -> None:
    result = run(*verb, "--store", postgres_url)

    assert result.exit_code == UNHEALTHY
    assert "has no log yet; run `twofold migrate`, or `twofold run`, which does it too" in result.output
    assert schemas(postgres_url) == []


def test_looking_at_a_log_makes_no_views(project: Path, run: Run, postgres_url: str) -> None:
    run("migrate", "--role", "log", "--store", postgres_url)

    assert json_of(run("events", "search", "--json", "--store", postgres_url)) == []
    assert run("doctor", "--store", postgres_url).exit_code == 0
    assert schemas(postgres_url) == ["twofold"]


def test_a_missing_extra_names_its_pip_command(project: Path) -> None:
    program = (
        "import sys; sys.modules['asyncpg'] = None; sys.argv = ['twofold', 'doctor', '--store', 'postgresql://db/shop']\n"
        "from twofold.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == UNHEALTHY
    assert "bad  store: " in done.stdout
    assert 'pip install "twofold[postgres]"' in done.stdout


# --- a restored backup ------------------------------------------------------------------------


def test_a_log_restored_from_a_backup_is_noticed_by_views_elsewhere_and_the_advice_cures_it(
    project: Path, run: Run, server: PostgresServer, postgres_url: str
) -> None:
    before = fill(postgres_url, "t1", views="sqlite:///rows.db")
    backup = urlsplit(postgres_url).path[1:]
    with server.databases.fresh(backup) as restored:
        fill(postgres_url, "t2", views="sqlite:///rows.db")  # lost by the restore
        place = ("--store", restored, "--views", "sqlite:///rows.db")
        sick = findings(run, *place)
        renewed = run("doctor", "--restored", *place)
        assert "do: stop every process, start again, and run `twofold view rebuild`" in renewed.output
        rebuilt = run("view", "rebuild", *place)
        fill(restored, "t3", views="sqlite:///rows.db")
        rows = json_of(run("query", "run", "FindTasks", "state=open", *place))
        stale = run("query", "run", "FindTasks", "state=open", "--after", before[0], *place)

    assert rebuilt.exit_code == 0, rebuilt.output
    assert sick["view TaskPage"]["verdict"] == "bad"
    assert "doctor --restored" in sick["view TaskPage"]["remedy"]
    assert sorted(row["task_id"] for row in rows) == ["t1", "t3"]
    assert "error[token-unknown]" in stale.output


def test_views_in_the_same_database_are_built_anew_as_advised(project: Path, run: Run, postgres_url: str) -> None:
    fill(postgres_url, "t1")

    run("doctor", "--restored", "--store", postgres_url)
    sick = findings(run, "--store", postgres_url)
    status = run("view", "status", "--store", postgres_url)
    run("view", "rebuild", "--store", postgres_url)
    fill(postgres_url, "t2")

    assert sick["view TaskPage"]["verdict"] == "bad"
    assert "TaskPage: its rows were built from another log" in status.stderr
    assert "do:  the log is not the one that this view has read" in status.stderr
    assert run("doctor", "--store", postgres_url).exit_code == 0
