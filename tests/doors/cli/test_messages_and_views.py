"""`twofold command`, `query`, `view` and `doctor`."""

import json
import linecache
import sys
from pathlib import Path

import pytest

from tests.doors.cli.conftest import Run, json_of
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY, USAGE
from twofold.read.status import OTHER_CODE


def test_commands_are_listed_with_their_fields(project: Path, run: Run) -> None:
    assert json_of(run("command", "list", "--json")) == [
        {"name": "CloseTask", "version": 1, "fields": ["task_id"]},
        {"name": "OpenTask", "version": 1, "fields": ["task_id", "title"]},
    ]


@pytest.mark.parametrize("fields", [['{"task_id": "t3", "title": "third"}'], ["task_id=t3", "title=third"]])
def test_a_command_is_sent_as_json_or_as_fields(filled: Path, run: Run, fields: list[str]) -> None:
    receipt = json_of(run("command", "send", "OpenTask", *fields, "--json"))

    assert (receipt["stream"], receipt["version"]) == ("Task-t3", 1)
    assert receipt["events"] == [{"type": "TaskOpened", "version": 1, "position": 4}]


def test_a_sent_command_is_told_for_people(filled: Path, run: Run) -> None:
    result = run("command", "send", "OpenTask", "task_id=t3", "title=third")

    assert result.exit_code == 0
    assert "accepted: Task-t3 is at version 1" in result.output


def test_the_same_key_gives_the_first_answer_again(filled: Path, run: Run) -> None:
    arguments = ["command", "send", "OpenTask", "task_id=t3", "title=third", "--key", "k1", "--json"]

    assert json_of(run(*arguments))["replayed"] is False
    assert json_of(run(*arguments))["replayed"] is True


def test_a_refused_command_exits_with_1_and_its_code(filled: Path, run: Run) -> None:
    result = run("command", "send", "CloseTask", "task_id=t1")

    assert result.exit_code == CHECK_FAILED
    assert "error[task-closed]: The task is closed already" in result.output


def test_a_wrong_version_exits_with_1(filled: Path, run: Run) -> None:
    result = run("command", "send", "CloseTask", "task_id=t2", "--expected-version", "7")

    assert result.exit_code == CHECK_FAILED
    assert "error[precondition-failed]" in result.output


@pytest.mark.parametrize(
    "fields",
    [["task_id=t3"], ["task_id=t3", "title=a", "colour=red"], ["task_id"], ['{"task_id": 5}'], ["{not json"]],
)
def test_an_invalid_command_is_a_usage_error_and_changes_nothing(filled: Path, run: Run, fields: list[str]) -> None:
    result = run("command", "send", "OpenTask", *fields)

    assert result.exit_code == USAGE, result.output
    assert "error[" in result.output
    assert json_of(run("events", "verify", "--json"))["head"] == 3


def test_an_unknown_command_lists_the_known_ones(filled: Path, run: Run) -> None:
    result = run("command", "send", "Frobnicate")

    assert result.exit_code == USAGE
    assert "CloseTask, OpenTask" in result.output


def test_the_log_of_commands_shows_accepted_and_rejected_newest_first(filled: Path, run: Run) -> None:
    rows = json_of(run("command", "log", "--json"))

    assert [(row["command"], row["status"], row["code"]) for row in rows] == [
        ("CloseTask", "rejected", "task-closed"),
        ("CloseTask", "accepted", None),
        ("OpenTask", "accepted", None),
        ("OpenTask", "accepted", None),
    ]


def test_the_log_of_commands_is_filtered(filled: Path, run: Run) -> None:
    rows = json_of(run("command", "log", "--status", "rejected", "--command", "CloseTask", "--limit", "5", "--json"))

    assert len(rows) == 1


def test_a_query_is_asked(filled: Path, run: Run) -> None:
    answer = json_of(run("query", "run", "FindTasks", "state=closed"))

    assert answer == [{"task_id": "t1", "title": "first", "state": "closed"}]


def test_queries_are_listed(project: Path, run: Run) -> None:
    assert json_of(run("query", "list", "--json")) == [{"name": "FindTasks", "version": 1, "fields": ["state?"]}]


def test_a_query_with_an_unknown_field_is_a_usage_error(filled: Path, run: Run) -> None:
    assert run("query", "run", "FindTasks", "colour=red").exit_code == USAGE


def test_views_are_listed_with_key_and_events(project: Path, run: Run) -> None:
    (row,) = json_of(run("view", "list", "--json"))

    assert (row["name"], row["key"], row["events"]) == ("TaskPage", ["task_id"], ["TaskClosed", "TaskOpened"])


def test_a_view_in_step_is_live_with_nothing_behind(filled: Path, run: Run) -> None:
    (row,) = json_of(run("view", "status", "--json"))

    assert row == {
        "name": "TaskPage",
        "state": "live",
        "position": 3,
        "lag_events": 0,
        "lag_seconds": 0.0,
        "parked_keys": 0,
        "rate": None,
        "error": None,
        "remedy": None,
        "changes": [],
        "generations": row["generations"],
    }
    (generation,) = row["generations"]
    assert (generation["generation"], generation["status"], generation["code"]) == (1, "live", "this")


def test_views_are_listed_with_their_lag_where_there_is_a_store(filled: Path, run: Run) -> None:
    run("command", "send", "OpenTask", "task_id=t3", "title=third")

    (row,) = json_of(run("view", "list", "--json"))

    assert (row["state"], row["lag_events"], row["parked_keys"]) == ("live", 1, 0)


def test_a_view_that_nobody_keeps_in_step_is_late_and_unhealthy(
    filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("command", "send", "OpenTask", "task_id=t3", "title=third")
    monkeypatch.setenv("TWOFOLD_LAG_OBJECTIVE", "0.001")

    result = run("view", "status", "TaskPage", "--json")

    assert result.exit_code == UNHEALTHY
    assert json.loads(result.stdout)[0]["lag_events"] == 1


def test_a_view_whose_code_was_changed_is_stopped_and_doctor_names_the_remedy(filled: Path, run: Run) -> None:
    source = filled / "app.py"
    source.write_text(source.read_text().replace("self.title = event.title", "self.title = event.title.upper()"))
    del sys.modules["app"]
    linecache.checkcache()  # a new process would read the file anew

    status = run("view", "status", "--json")
    examined = run("doctor", "--json")

    assert (status.exit_code, examined.exit_code) == (UNHEALTHY, UNHEALTHY)
    assert json.loads(status.stdout)[0]["state"] == "stopped"
    assert json.loads(examined.stdout)["findings"][-1]["remedy"] == OTHER_CODE.format(view="TaskPage")


def test_an_unknown_view_lists_the_known_ones(filled: Path, run: Run) -> None:
    result = run("view", "status", "Frobs")

    assert result.exit_code == USAGE
    assert "TaskPage" in result.output


def test_waiting_for_a_view_in_step_ends_at_once(filled: Path, run: Run) -> None:
    assert json_of(run("view", "wait", "TaskPage", "--timeout", "0", "--json"))["reached"] is True


def test_waiting_in_vain_exits_with_1(filled: Path, run: Run) -> None:
    token = json_of(run("command", "send", "OpenTask", "task_id=t3", "title=third", "--json"))["token"]

    assert run("view", "wait", "TaskPage", "--token", token, "--timeout", "0").exit_code == CHECK_FAILED


def test_the_doctor_finds_a_sound_project_sound(filled: Path, run: Run) -> None:
    report = json_of(run("doctor", "--json"))

    verdicts = {finding["subject"]: finding["verdict"] for finding in report["findings"]}
    assert report["ok"] is True
    assert {"versions", "configuration", "wiring", "store", "clock", "view TaskPage"} <= set(verdicts)


def test_the_doctor_says_how_the_store_keeps_what_is_acknowledged(filled: Path, run: Run) -> None:
    output = run("doctor").output

    assert "journal_mode wal" in output
    assert "synchronous full" in output


def test_the_doctor_without_a_store_is_unhealthy_and_names_the_remedy(project: Path, run: Run) -> None:
    result = run("doctor")

    assert result.exit_code == UNHEALTHY
    assert "do: give --store URL" in result.output


def test_the_doctor_reports_a_faulty_configuration(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOFOLD_PORT", "x")

    result = run("doctor", "--json")

    assert result.exit_code == UNHEALTHY
    assert json.loads(result.stdout)["findings"][-1]["subject"] == "configuration"


def test_the_doctor_looks_at_the_store_without_an_app(filled: Path, run: Run) -> None:
    (filled / "app.py").unlink()
    (filled / "pyproject.toml").unlink()

    findings = json_of(run("doctor", "--json"))["findings"]

    assert next(finding["verdict"] for finding in findings if finding["subject"] == "wiring") == "note"
