"""`twofold events` and `twofold stream`: looking into the log."""

import json
import re
import signal
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.doors.cli.conftest import Run, json_of, start
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY, USAGE
from twofold.cli.log_writing import line_of_event
from twofold.testing.contracts.bulk import history


def lines_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_tail_shows_the_newest_events_in_order(filled: Path, run: Run) -> None:
    result = run("events", "tail", "-n", "2", "--json")

    assert [(event["position"], event["type"]) for event in lines_of(result.stdout)] == [
        (2, "TaskOpened"),
        (3, "TaskClosed"),
    ]


def test_tail_is_readable_and_filtered(filled: Path, run: Run) -> None:
    output = run("events", "tail", "--type", "TaskOpened").output

    assert 'Task-t1@1  TaskOpened  {"title":"first"}' in output
    assert "TaskClosed" not in output


def test_tail_needs_no_app(filled: Path, run: Run) -> None:
    (filled / "app.py").unlink()
    (filled / "pyproject.toml").unlink()

    assert run("events", "tail").output.count("\n") == 3


def test_a_followed_tail_ends_well_on_ctrl_c(filled: Path) -> None:
    with start("events", "tail", "--follow", "--json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert process.stdout.read() == ""
    assert first["position"] == 1


def test_show_shows_all_the_log_holds(filled: Path, run: Run) -> None:
    event = json_of(run("events", "show", "2"))

    assert event["stream"] == "Task-t2"
    assert event["data"] == {"title": "second"}
    assert {"message_id", "causation_id", "correlation_id", "recorded_at", "schema_version", "actor"} <= set(event)


def test_show_finds_an_event_by_its_id_too(filled: Path, run: Run) -> None:
    by_position = [json_of(run("events", "show", str(position))) for position in (1, 2, 3)]

    assert [json_of(run("events", "show", str(event["message_id"]))) for event in by_position] == by_position


@pytest.mark.parametrize("message_id", [uuid4(), UUID("ffffffff-ffff-7000-8000-000000000000")], ids=["random", "ahead"])
def test_an_event_is_found_whatever_time_its_id_tells(empty_folder: Path, run: Run, message_id: UUID) -> None:
    events = history(30)
    events[20] = msgspec.structs.replace(events[20], message_id=message_id.bytes)
    (empty_folder / "all.jsonl").write_bytes(b"".join(line_of_event(event) + b"\n" for event in events))
    run("import", "all.jsonl", "--store", "sqlite:///new.db")

    shown = json_of(run("events", "show", str(message_id), "--store", "sqlite:///new.db"))

    assert (shown["position"], shown["message_id"]) == (21, str(message_id))


def test_show_says_that_an_id_is_a_commands_and_how_to_see_its_events(filled: Path, run: Run) -> None:
    command = json_of(run("events", "show", "2"))["causation_id"]

    refused = run("events", "show", str(command))
    advised = re.search(r"`twofold (.*)`", refused.output)
    assert advised is not None
    found = json_of(run(*advised[1].split(), "--json"))

    assert refused.exit_code == CHECK_FAILED
    assert "is the id of a command, OpenTask, that made 1 event\n" in refused.output
    assert [event["position"] for event in found] == [2]


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        ("99", CHECK_FAILED, "no event stands at position 99"),
        ("0", USAGE, "'0' is neither a position (1, 2, ...) nor a message id"),
        ("first", USAGE, "'first' is neither"),
        ("019f8a5c-0000-7000-8000-000000000000", CHECK_FAILED, "no event has the id 019f8a5c"),
        ("6ba7b810-9dad-41d1-80b4-00c04fd430c8", CHECK_FAILED, "no event has the id 6ba7b810"),
    ],
)
def test_show_says_when_there_is_no_such_event(filled: Path, run: Run, wanted: str, code: int, said: str) -> None:
    result = run("events", "show", wanted)

    assert result.exit_code == code
    assert said in result.output


@pytest.mark.parametrize(
    ("options", "positions"),
    [
        (["--stream", "Task-t1"], [1, 3]),
        (["--type", "TaskOpened", "--type", "TaskClosed"], [1, 2, 3]),
        (["--category", "Other"], []),
        (["--contains", "second"], [2]),
        (["--after", "1", "--limit", "1"], [2]),
        (["--since", "2000-01-01", "--until", "2001-01-01"], []),
        (["--since", "2000-01-01T00:00:00+02:00"], [1, 2, 3]),
        (["--since", "2999-01-01"], []),
        (["--stream", "Task-t1", "--category", "Other"], []),
    ],
)
def test_search_finds_by_any_mark(filled: Path, run: Run, options: list[str], positions: list[int]) -> None:
    assert [event["position"] for event in json_of(run("events", "search", *options, "--json"))] == positions


def test_search_by_correlation_finds_what_came_of_one_request(filled: Path, run: Run) -> None:
    correlation = json_of(run("events", "show", "2"))["correlation_id"]

    found = json_of(run("events", "search", "--correlation", correlation, "--json"))

    assert [event["position"] for event in found] == [2]


def test_search_by_causation_finds_what_one_command_made(filled: Path, run: Run) -> None:
    command = json_of(run("events", "show", "3"))["causation_id"]

    found = json_of(run("events", "search", "--causation", command, "--json"))

    assert [event["position"] for event in found] == [3]


def test_search_between_times_finds_those_recorded_then(filled: Path, run: Run) -> None:
    times = [json_of(run("events", "show", str(position)))["recorded_at"] for position in (1, 2, 3)]

    found = json_of(run("events", "search", "--since", times[1], "--until", times[2], "--json"))

    assert [event["position"] for event in found] == [2]


def test_search_prints_a_table_and_refuses_a_wrong_time(filled: Path, run: Run) -> None:
    assert "Task-t2" in run("events", "search").output
    assert run("events", "search", "--since", "yesterday").exit_code == USAGE
    assert run("events", "search", "--causation", "yesterday").exit_code == USAGE


def test_export_writes_one_line_an_event(filled: Path, run: Run) -> None:
    result = run("events", "export")

    assert [event["position"] for event in lines_of(result.stdout)] == [1, 2, 3]
    assert result.stderr == "3 events\n"


def test_export_into_a_file_between_positions(filled: Path, run: Run) -> None:
    run("events", "export", "-o", "some.jsonl", "--after", "1", "--up-to", "2")

    assert [event["position"] for event in lines_of(Path("some.jsonl").read_text())] == [2]


def test_verify_finds_no_fault_in_a_sound_log(filled: Path, run: Run) -> None:
    report = json_of(run("events", "verify", "--json"))

    assert report == {"events": 3, "head": 3, "decoded": True, "faults": []}


def test_verify_without_an_app_says_that_nothing_was_decoded(filled: Path, run: Run) -> None:
    (filled / "app.py").unlink()
    (filled / "pyproject.toml").unlink()

    result = run("events", "verify")

    assert result.exit_code == 0
    assert "JSON, but not decoded, as no app is named" in result.output


def test_verify_finds_events_that_the_app_cannot_read(filled: Path, run: Run) -> None:
    text = (filled / "app.py").read_text().replace("TaskClosed", "TaskDone")
    (filled / "app.py").rename(filled / "old.txt")
    (filled / "renamed.py").write_text(text)

    result = run("events", "verify", "--app", "renamed")

    assert result.exit_code == CHECK_FAILED
    assert "position 3 (Task-t1) cannot be decoded: no event is called 'TaskClosed'" in result.output


def test_a_stream_is_shown_with_its_events_and_state(filled: Path, run: Run) -> None:
    report = json_of(run("stream", "show", "Task-t1", "--json"))

    assert report["version"] == 2
    assert [event["type"] for event in report["events"]] == ["TaskOpened", "TaskClosed"]
    assert report["state"] == {"is_closed": True}


def test_a_stream_without_an_app_has_events_and_no_state(filled: Path, run: Run) -> None:
    (filled / "app.py").unlink()
    (filled / "pyproject.toml").unlink()

    assert json_of(run("stream", "show", "Task-t1", "--json"))["state"] is None


def test_an_unknown_stream_is_said_to_be_empty(filled: Path, run: Run) -> None:
    result = run("stream", "show", "Task-t9")

    assert result.exit_code == CHECK_FAILED
    assert "Task-t9 has no events" in result.output


def test_a_stream_for_people_shows_a_table_and_the_state(filled: Path, run: Run) -> None:
    output = run("stream", "show", "Task-t1").output

    assert output.startswith("Task-t1 at version 2\n")
    assert '"is_closed": true' in output


def test_no_verb_that_looks_changes_the_log(filled: Path, run: Run) -> None:
    before = json_of(run("events", "verify", "--json"))["head"]
    for arguments in (["events", "search"], ["stream", "show", "Task-t1"], ["view", "status"], ["doctor"]):
        assert run(*arguments).exit_code in {0, UNHEALTHY}

    assert json_of(run("events", "verify", "--json"))["head"] == before
