"""What operators do to the generations of a view on the command line, with a fold that somebody changed."""

from __future__ import annotations

import json
import linecache
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doors.cli.conftest import Run
from twofold.cli.exits import CHECK_FAILED, OK, USAGE

SHOUTED = ("self.title = event.title", "self.title = event.title.upper()")
BROKEN = ("self.title = event.title", 'self.title = event.title if event.title != "second" else None.title')


def save(project: Path, change: tuple[str, str]) -> None:
    """Change app.py, as if by an editor; the next command reads it anew."""
    source = project / "app.py"
    assert change[0] in source.read_text()
    source.write_text(source.read_text().replace(*change))
    del sys.modules["app"]
    linecache.checkcache()


def generations(run: Run) -> list[tuple[int, str]]:
    (row,) = json.loads(run("view", "status", "--json").stdout)
    return [(each["generation"], each["status"]) for each in row["generations"]]


def titles(run: Run) -> list[str]:
    return [json.loads(run("view", "get", "TaskPage", key).stdout)["title"] for key in ("t1", "t2")]


def said(run: Run, *words: str, code: int = OK) -> str:
    result = run(*words)
    assert result.exit_code == code, result.output
    return result.output


def test_a_dry_run_says_what_has_changed_and_what_it_would_take_and_changes_nothing(filled: Path, run: Run) -> None:
    save(filled, SHOUTED)

    told = said(run, "view", "rebuild", "--dry-run")
    for_programs: list[dict[str, Any]] = json.loads(said(run, "view", "rebuild", "--dry-run", "--json"))

    assert "TaskPage: TaskPage.opened changed\n  3 events to read: about" in told
    assert (for_programs[0]["positions"], for_programs[0]["sampled"], for_programs[0]["fault"]) == (3, 3, None)
    assert generations(run) == [(1, "live")]


def test_a_dry_run_finds_an_event_that_would_fail(filled: Path, run: Run) -> None:
    save(filled, BROKEN)

    told = said(run, "view", "rebuild", "--dry-run")

    assert "it would stop at TaskOpened at position 2" in told


def test_what_has_changed_is_built_and_takes_over(filled: Path, run: Run) -> None:
    save(filled, SHOUTED)

    told = said(run, "view", "rebuild")

    assert "TaskPage: generation 2 is live, at position 3" in told
    assert (generations(run), titles(run)) == ([(1, "retired"), (2, "live")], ["FIRST", "SECOND"])


def test_where_nothing_has_changed_nothing_is_built_unless_it_is_named(filled: Path, run: Run) -> None:
    assert "the code of no view has changed" in said(run, "view", "rebuild")
    assert generations(run) == [(1, "live")]

    assert "generation 2 is live" in said(run, "view", "rebuild", "TaskPage")
    assert titles(run) == ["first", "second"]


def test_built_compared_promoted_and_rolled_back_by_hand(filled: Path, run: Run) -> None:
    save(filled, SHOUTED)
    said(run, "view", "rebuild", "--no-promote")
    assert (generations(run), titles(run)) == ([(1, "live"), (2, "building")], ["first", "second"])

    compared = said(run, "view", "compare", "TaskPage", code=CHECK_FAILED)
    assert "2 of 2 rows compared with generation 1: 2 differ in title" in compared
    assert ["t1", "title", "first", "FIRST"] in [line.split() for line in compared.splitlines()]

    assert said(run, "view", "promote", "TaskPage") == "generation 2 of TaskPage is live\n"
    assert titles(run) == ["FIRST", "SECOND"]
    assert said(run, "view", "rollback", "TaskPage") == "generation 1 of TaskPage is live\n"
    assert titles(run) == ["first", "second"]
    assert "rolled back" in said(run, "view", "status", "TaskPage")

    assert said(run, "view", "drop", "TaskPage", "2") == "generation 2 of TaskPage is dropped\n"
    assert generations(run) == [(1, "live")]


def test_a_build_that_fails_says_where_and_leaves_the_live_rows_alone(filled: Path, run: Run) -> None:
    save(filled, BROKEN)

    told = said(run, "view", "rebuild", code=CHECK_FAILED)
    (built,) = json.loads(said(run, "view", "rebuild", "--json", code=CHECK_FAILED))

    assert "generation 2 has stopped: TaskOpened at position 2" in told
    assert (built["generation"], built["status"]) == (2, "failed")
    assert titles(run) == ["first", "second"]
    assert "has failed" in said(run, "view", "promote", "TaskPage", code=CHECK_FAILED)


def test_detached_it_is_left_to_running_processes(filled: Path, run: Run) -> None:
    save(filled, SHOUTED)

    assert "is begun; the processes that run this code build it" in said(run, "view", "rebuild", "--detach")
    assert generations(run) == [(1, "live"), (2, "building")]


def test_a_paused_view_says_so_until_it_goes_on(filled: Path, run: Run) -> None:
    assert said(run, "view", "pause", "TaskPage") == "TaskPage is paused\n"
    assert json.loads(said(run, "view", "status", "--json"))[0]["state"] == "paused"

    assert said(run, "view", "resume", "TaskPage") == "TaskPage goes on\n"
    assert json.loads(said(run, "view", "status", "--json"))[0]["state"] == "live"


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("promote", "TaskPage"), CHECK_FAILED, "only the live generation of TaskPage is kept"),
        (("rollback", "TaskPage"), CHECK_FAILED, "no generation of TaskPage was live before"),
        (("drop", "TaskPage", "1"), CHECK_FAILED, "generation 1 of TaskPage is live"),
        (("drop", "TaskPage", "9"), CHECK_FAILED, "generation 9 of TaskPage is not kept; there are: 1"),
        (("compare", "TaskPage", "--generation", "4"), CHECK_FAILED, "generation 4 of TaskPage is not kept"),
        (("rebuild", "TaskPage", "--from", "77"), USAGE, "there is no event at position 77; the log has reached 3"),
        (("rebuild", "Tusk"), USAGE, "Tusk"),
        (("pause", "Tusk"), USAGE, "TaskPage"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(
    filled: Path, run: Run, words: tuple[str, ...], code: int, expected: str
) -> None:
    assert expected in said(run, "view", *words, code=code)
    assert generations(run) == [(1, "live")]


def test_from_a_position_only_what_came_later_is_folded(filled: Path, run: Run) -> None:
    said(run, "view", "rebuild", "TaskPage", "--from", "2")

    assert run("view", "get", "TaskPage", "t2").exit_code == CHECK_FAILED
    assert "from position 2" in said(run, "view", "status", "TaskPage")


def test_on_a_terminal_a_bar_is_shown(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    save(filled, SHOUTED)

    assert "is live, at position 3" in said(run, "view", "rebuild")
