"""`twofold export` and `twofold import`: a whole log from one store to another."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.doors.cli.conftest import Run, json_of, start
from twofold import Config
from twofold.app.stores import opened_log
from twofold.cli.exits import UNHEALTHY, USAGE
from twofold.cli.main import cli
from twofold.testing.contracts.bulk import history

NEW = "sqlite:///new.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest) -> str:
    return NEW if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def test_a_log_moves_with_its_outcomes(filled: Path, run: Run, target: str) -> None:
    exported = run("export", "-o", "all.jsonl")
    imported = run("import", "all.jsonl", "--store", target)

    assert (exported.exit_code, imported.exit_code) == (0, 0), imported.output
    assert exported.stderr == "3 events, 4 outcomes, 0 queued, up to position 3\n"
    assert imported.stderr == "3 events, 4 outcomes\n"
    for verb in (["events", "search"], ["command", "log"]):
        assert json_of(run(*verb, "--json", "--store", target)) == json_of(run(*verb, "--json"))


def test_the_same_again_adds_nothing(filled: Path, run: Run, target: str) -> None:
    run("export", "-o", "all.jsonl")
    run("import", "all.jsonl", "--store", target)

    again = run("events", "import", "all.jsonl", "--store", target)

    assert (again.exit_code, again.stderr) == (0, "0 events, 0 outcomes\n")


def test_lines_come_from_standard_input_too(filled: Path) -> None:
    lines = CliRunner().invoke(cli, ["export"]).stdout_bytes

    result = CliRunner().invoke(cli, ["import", "--store", NEW], input=lines)

    assert (result.exit_code, result.stderr) == (0, "3 events, 4 outcomes\n")


def test_exported_events_can_be_imported_by_themselves(filled: Path, run: Run) -> None:
    run("events", "export", "-o", "events.jsonl")

    result = run("events", "import", "events.jsonl", "--store", NEW)

    assert (result.exit_code, result.stderr) == (0, "3 events, 0 outcomes\n")


def test_some_events_are_no_log(filled: Path, run: Run) -> None:
    run("events", "export", "--type", "TaskClosed", "-o", "some.jsonl")

    result = run("import", "some.jsonl", "--store", NEW)

    assert result.exit_code == USAGE
    assert "the log must be whole" in result.output


def test_a_store_with_another_history_is_refused(filled: Path, run: Run) -> None:
    run("export", "-o", "all.jsonl")
    asyncio.run(_fill(NEW, 5))

    result = run("import", "all.jsonl", "--store", NEW)

    assert result.exit_code == USAGE
    assert "error[import-refused]: line 1: the store is another log, and not empty" in result.output
    assert "do:  import into an empty store" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "all.jsonl"], "no store is named"),
        (["import", "all.jsonl", "--store", "memory://"], "into memory is gone"),
        (["export", "--after", "9"], "the log ends at position 3"),
    ],
)
def test_what_makes_no_sense_is_refused(filled: Path, run: Run, arguments: list[str], said: str) -> None:
    Path("all.jsonl").touch()

    result = run(*arguments)

    assert result.exit_code == USAGE
    assert said in result.output


def test_a_store_that_is_not_there_is_not_exported(empty_folder: Path, run: Run) -> None:
    assert run("export", "--store", NEW).exit_code == UNHEALTHY
    assert list(empty_folder.iterdir()) == []


async def _fill(url: str, events: int) -> None:
    async with opened_log(url, Config()) as log:
        await log.bulk.load(history(events), [])


async def _head(url: str) -> int:
    async with opened_log(url, Config()) as log:
        return (await log.events.mark()).position


@pytest.mark.slow
def test_an_import_that_is_killed_goes_on_where_it_ended(empty_folder: Path, run: Run, target: str) -> None:
    asyncio.run(_fill("sqlite:///old.db", 120_000))
    run("export", "--store", "sqlite:///old.db", "-o", "all.jsonl")
    with start("import", "all.jsonl", "--store", target) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not _has_begun(target):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)

    reached = asyncio.run(_head(target))
    result = run("import", "all.jsonl", "--store", target)

    assert 0 < reached < 120_000
    assert result.stderr.endswith(f"{120_000 - reached:,} events, 0 outcomes\n")
    run("export", "--store", target, "-o", "again.jsonl")
    assert Path("again.jsonl").read_bytes() == Path("all.jsonl").read_bytes()


def _has_begun(url: str) -> bool:
    return (not url.startswith("sqlite") or Path("new.db").exists()) and asyncio.run(_head(url)) > 0
