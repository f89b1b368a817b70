"""`twofold migrate`: what is missing, applied or only said, on both databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.doors.cli.conftest import Run, json_of
from twofold.adapters.sql.migration import Migration
from twofold.adapters.sql.statements import load_migrations
from twofold.adapters.sqlite import migrations
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY, USAGE

SQLITE = "sqlite:///new.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, empty_folder: Path) -> str:
    """The URL of a store that is not there yet, or empty."""
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def test_what_is_pending_is_listed_and_nothing_is_made(empty_folder: Path, run: Run) -> None:
    rows = json_of(run("migrate", "--store", SQLITE, "--plan", "--json"))

    assert rows[0] == {"role": "log", "store": SQLITE, "number": 1, "name": "log", "state": "pending"}
    assert {row["role"] for row in rows} == {"log", "views"}
    assert list(empty_folder.iterdir()) == []


def test_it_applies_what_is_missing_and_then_nothing(store: str, run: Run) -> None:
    first = json_of(run("migrate", "--store", store, "--json"))

    assert {row["state"] for row in first} == {"applied"}
    assert json_of(run("migrate", "--store", store, "--json")) == []
    assert "every schema is up to date" in run("migrate", "--store", store).output


def test_check_fails_until_it_is_applied(store: str, run: Run) -> None:
    before = run("migrate", "--store", store, "--check")
    run("migrate", "--store", store)
    after = run("migrate", "--store", store, "--check")

    assert (before.exit_code, after.exit_code) == (CHECK_FAILED, 0)
    assert "pending" in before.output


def test_one_role_is_enough_for_a_database_that_has_only_that(store: str, run: Run) -> None:
    rows = json_of(run("migrate", "--store", store, "--role", "log", "--json"))

    assert {row["role"] for row in rows} == {"log"}
    assert run("migrate", "--store", store, "--check").exit_code == CHECK_FAILED


def test_the_printed_sql_makes_an_sqlite_file_that_the_app_takes(project: Path, run: Run) -> None:
    for role, file in (("log", "new.db"), ("views", "new.views.db")):
        script = run("migrate", "--store", SQLITE, "--role", role, "--sql").output
        sqlite3.connect(file).executescript(script.replace(".bail on\n", ""))

    assert run("migrate", "--store", SQLITE, "--check").exit_code == 0
    assert run("view", "status", "--store", SQLITE).exit_code == 0


def test_one_script_for_two_files_is_refused(empty_folder: Path, run: Run) -> None:
    result = run("migrate", "--store", SQLITE, "--sql")

    assert result.exit_code == USAGE
    assert "add --role log, or --role views" in result.output


def test_one_script_does_for_one_database(postgres_url: str, empty_folder: Path, run: Run) -> None:
    script = run("migrate", "--store", postgres_url, "--sql").output

    assert script.index("-- log of ") < script.index("-- views of ")
    run("migrate", "--store", postgres_url)
    assert "nothing to apply" in run("migrate", "--store", postgres_url, "--sql").output


def test_an_app_that_must_not_migrate_refuses_to_start(
    project: Path, run: Run, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOFOLD_MIGRATE", "check")

    refused = run("view", "status", "--store", store)
    run("migrate", "--store", store)
    started = run("view", "status", "--store", store)

    assert refused.exit_code == UNHEALTHY
    assert started.exit_code == 0


def test_the_refusal_names_what_is_missing_and_what_to_do(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("migrate", "--store", SQLITE)
    monkeypatch.setenv("TWOFOLD_MIGRATE", "check")
    newer = [*load_migrations("twofold.adapters.sqlite"), Migration(2, "more", "SELECT 1;")]
    monkeypatch.setattr(migrations, "load_migrations", lambda _package, _folder: newer)

    output = run("view", "status", "--store", SQLITE).output

    assert "sqlite:///new.db lacks migration 2 (more)" in output
    assert "run `twofold migrate`" in output


@pytest.mark.parametrize("options", [[], ["--plan"], ["--sql"]])
def test_without_a_store_it_says_how_to_name_one(empty_folder: Path, run: Run, options: list[str]) -> None:
    result = run("migrate", *options)

    assert result.exit_code == USAGE
    assert "give --store URL" in result.output


def test_a_file_of_something_else_is_left_as_it_was(empty_folder: Path, run: Run) -> None:
    with sqlite3.connect("new.db") as other:
        other.execute("CREATE TABLE mine (text)")
    before = Path("new.db").read_bytes()

    result = run("migrate", "--store", SQLITE, "--plan")

    assert result.exit_code == UNHEALTHY
    assert Path("new.db").read_bytes() == before


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:se%26cret@127.0.0.1:1/shop",
        "postgresql://ada:se&cret@127.0.0.1:1/shop",
        "postgresql://127.0.0.1:1/shop?user=ada&password=secret",
        "nostore://ada:secret@host/shop",
    ],
)
def test_no_password_is_ever_shown(empty_folder: Path, run: Run, url: str) -> None:
    output = run("migrate", "--store", url).output

    assert "cret" not in output
    assert "error[" in output
