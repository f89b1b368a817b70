"""`twofold stream show --at --diff` and `twofold view get --at`: looking into the past."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.doors.cli.conftest import Run, json_of
from twofold.cli.exits import CHECK_FAILED, USAGE
from twofold.cli.state_diff import change_line, changes


def test_a_stream_is_shown_as_of_a_version_a_position_and_a_time(filled: Path, run: Run) -> None:
    first = json_of(run("events", "show", "1"))["recorded_at"]

    for moment in (["--version", "1"], ["--at", "2"], ["--at", first]):
        report = json_of(run("stream", "show", "Task-t1", *moment, "--json"))

        assert report["version"] == 1
        assert report["state"] == {"is_closed": False}
    assert json_of(run("stream", "show", "Task-t1", "--at", "3", "--json"))["version"] == 2


def test_a_stream_without_events_then_is_not_there(filled: Path, run: Run) -> None:
    result = run("stream", "show", "Task-t2", "--at", "1")

    assert result.exit_code == CHECK_FAILED
    assert "Task-t2 has no events then" in result.output


@pytest.mark.parametrize(("moment", "said"), [("99", "is at position 3"), ("yesterday", "is no moment")])
def test_what_is_no_moment_of_the_log_is_a_wrong_line(filled: Path, run: Run, moment: str, said: str) -> None:
    result = run("stream", "show", "Task-t1", "--at", moment)

    assert result.exit_code == USAGE
    assert said in result.output


def test_diff_shows_what_each_event_changed(filled: Path, run: Run) -> None:
    report = json_of(run("stream", "show", "Task-t1", "--diff", "--json"))
    output = run("stream", "show", "Task-t1", "--diff").output

    assert [event["changes"] for event in report["events"]] == [
        [],
        [{"field": "is_closed", "before": False, "after": True}],
    ]
    assert "~ is_closed: false -> true" in output
    assert "Task-t1@2  TaskClosed" in output


def test_without_diff_no_changes_are_listed(filled: Path, run: Run) -> None:
    assert "changes" not in json_of(run("stream", "show", "Task-t1", "--json"))["events"][0]


def test_diff_needs_an_app_that_knows_the_aggregate(filled: Path, run: Run) -> None:
    (filled / "app.py").unlink()
    (filled / "pyproject.toml").unlink()

    result = run("stream", "show", "Task-t1", "--diff")

    assert result.exit_code == USAGE
    assert "--diff needs the app" in result.output


def test_a_row_is_shown_as_it_is_and_as_it_was(filled: Path, run: Run) -> None:
    now = json_of(run("view", "get", "TaskPage", "t1"))
    then = json_of(run("view", "get", "TaskPage", "t1", "--at", "1", "--json"))

    assert (now["state"], then["state"]) == ("closed", "open")
    assert (now["title"], then["title"]) == ("first", "first")


def test_a_row_that_was_not_there_then_exits_with_1(filled: Path, run: Run) -> None:
    result = run("view", "get", "TaskPage", "t2", "--at", "1")

    assert result.exit_code == CHECK_FAILED
    assert "TaskPage has no row 't2'" in result.output


def test_an_unknown_view_is_a_wrong_line(filled: Path, run: Run) -> None:
    assert run("view", "get", "TaskPages", "t2").exit_code == USAGE


def test_a_row_of_too_many_events_names_the_setting(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOFOLD_AS_OF_EVENTS", "1")

    result = run("view", "get", "TaskPage", "t1", "--at", "3")

    assert result.exit_code == USAGE
    assert "error[too-many-events]" in result.output
    assert "as_of_events" in result.output


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ["~ b: 2 -> 3"]),
        ({}, {"a": None}, ["+ a: null"]),
        ({"a": None}, {}, ["- a: null"]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2, "d": 3}}}, ["~ a.b.c: 1 -> 2", "+ a.b.d: 3"]),
        ({"a": [1, 2]}, {"a": [1, 3, {"x": 1}]}, ["~ a[1]: 2 -> 3", '+ a[2]: {"x":1}']),
        ({"a": [{"x": 1}, 2]}, {"a": [{"x": 2}]}, ["~ a[0].x: 1 -> 2", "- a[1]: 2"]),
        ({"a": {"x": 1}}, {"a": [1]}, ['~ a: {"x":1} -> [1]']),
        ({1: "x"}, {1: "y"}, ['~ 1: "x" -> "y"']),
        ({"a": [1, {"x": 2}]}, {"a": [1, {"x": 2}]}, []),
    ],
)
def test_changes_are_found_at_every_depth(before: object, after: object, lines: list[str]) -> None:
    found = list(changes(before, after))

    assert [change_line(change) for change in found] == lines
    assert json.loads(json.dumps(found)) == found
