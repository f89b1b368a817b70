"""`twofold view verify`: are the rows what their events fold to."""

from __future__ import annotations

import json
import linecache
import sys
from pathlib import Path

import apsw
import pytest

from tests.doors.cli.conftest import Run
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY, USAGE


def by_hand(statement: str) -> None:
    """Run *statement* on the live rows, which it calls ROWS."""
    file = apsw.Connection(".twofold/dev.views.db")
    try:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        (rows,) = [name for name in tables if name.split("__")[0] == "TaskPage"]
        file.execute(statement.replace("ROWS", f'"{rows}"'))
    finally:
        file.close()


@pytest.mark.parametrize("how", [[], ["--keys", "1"], ["--all"], ["--full"]])
def test_rows_that_agree_with_their_events_are_fine(filled: Path, run: Run, how: list[str]) -> None:
    result = run("view", "verify", "TaskPage", *how)

    assert result.exit_code == 0, result.output
    assert "compared with their events, all agree" in result.output


def test_an_edited_row_is_shown_with_what_it_should_be(filled: Path, run: Run) -> None:
    by_hand("UPDATE ROWS SET title = 'edited' WHERE task_id = 't1'")

    result = run("view", "verify", "TaskPage")

    assert result.exit_code == CHECK_FAILED
    assert "1 differ" in result.output
    shown = [line.split() for line in result.output.splitlines()]
    assert ["t1", "differs", "title", '"edited"', '"first"', "3"] in shown
    assert "twofold view rebuild TaskPage" in result.output


def test_an_edited_row_is_reported_for_programs(filled: Path, run: Run) -> None:
    by_hand("UPDATE ROWS SET title = 'edited' WHERE task_id = 't1'")
    by_hand("DELETE FROM ROWS WHERE task_id = 't2'")

    result = run("view", "verify", "--json", "--all")
    (report,) = json.loads(result.stdout)

    assert result.exit_code == CHECK_FAILED
    assert (report["view"], report["verified"], report["drifted"]) == ("TaskPage", True, 2)
    edited, missing = sorted(report["drifts"], key=lambda drift: str(drift["key"]))
    assert (edited["key"], edited["kind"], edited["position"]) == (["t1"], "differs", 3)
    assert edited["fields"] == [{"field": "title", "stored": "edited", "folded": "first"}]
    assert (missing["key"], missing["kind"]) == (["t2"], "missing")


def test_values_that_cannot_be_read_are_shown_too(filled: Path, run: Run) -> None:
    by_hand("INSERT INTO ROWS SELECT 't9', title, state, _shard, _position FROM ROWS WHERE task_id = 't1'")

    result = run("view", "verify", "TaskPage")

    assert result.exit_code == CHECK_FAILED
    assert "extra" in result.output


def test_rows_of_other_code_cannot_be_verified(filled: Path, run: Run) -> None:
    source = filled / "app.py"
    source.write_text(source.read_text().replace("self.title = event.title", "self.title = event.title.upper()"))
    del sys.modules["app"]
    linecache.checkcache()  # a new process would read the file anew

    result = run("view", "verify", "TaskPage")

    assert result.exit_code == UNHEALTHY, result.output
    assert "TaskPage cannot be verified: generation 1 was built by other code" in result.output


def test_an_unknown_view_lists_the_known_ones(filled: Path, run: Run) -> None:
    result = run("view", "verify", "TaskPag")

    assert result.exit_code == USAGE
    assert "TaskPage" in result.output


def test_building_the_rows_anew_is_the_remedy(filled: Path, run: Run) -> None:
    by_hand("UPDATE ROWS SET title = 'edited' WHERE task_id = 't1'")
    assert run("view", "verify", "TaskPage").exit_code == CHECK_FAILED

    rebuilt = run("view", "rebuild", "TaskPage")
    assert rebuilt.exit_code == 0, rebuilt.output
    result = run("view", "verify", "TaskPage", "--all")

    assert result.exit_code == 0, result.output
    assert json.loads(run("view", "verify", "--json").stdout)[0]["generation"] == 2
