"""`twofold check` and `twofold map`."""

import json
from pathlib import Path

import pytest

from tests.doors.cli.conftest import Run, json_of
from twofold.cli.exits import CHECK_FAILED


def test_check_counts_what_it_found(project: Path, run: Run) -> None:
    result = run("check")

    assert result.exit_code == 0
    assert result.output == "shop is put together rightly (2 commands, 2 events, 1 aggregate, 1 view, 1 query)\n"


def test_check_prints_json_when_all_is_well_and_when_not(project: Path, run: Run) -> None:
    assert json_of(run("check", "--json"))["ok"] is True
    with (project / "app.py").open("a") as file:
        file.write("class NoKey(View):\n    title: str = ''\n\napp = App('shop', views=[NoKey])\n")
    (project / "app.py").rename(project / "wrong.py")

    result = run("check", "wrong", "--json")

    assert result.exit_code == CHECK_FAILED
    report = json.loads(result.stdout)
    assert report["code"] == "wiring"
    assert any("NoKey" in fault for fault in report["faults"])


def test_an_app_with_handlers_on_tables_of_its_own_is_checked_too(empty_folder: Path, run: Run) -> None:
    result = run("check", "examples.shop.app:on_tables")

    assert (result.exit_code, result.output.partition(" (")[0]) == (0, "shop is put together rightly")


def test_check_leaves_the_configured_stores_alone(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOFOLD_STORE", "sqlite:///log.db")
    monkeypatch.setenv("TWOFOLD_VIEWS", "sqlite:///rows.db")
    before = sorted(project.rglob("*.db"))

    assert run("check").exit_code == 0

    assert sorted(project.rglob("*.db")) == before == []


def test_the_map_leads_from_command_to_query(project: Path, run: Run) -> None:
    graph = json_of(run("map", "--json"))
    edges = {(edge["start"], edge["end"]) for edge in graph["edges"]}

    assert edges == {
        ("command:OpenTask", "aggregate:Task"),
        ("command:CloseTask", "aggregate:Task"),
        ("aggregate:Task", "event:TaskOpened"),
        ("aggregate:Task", "event:TaskClosed"),
        ("event:TaskOpened", "view:TaskPage"),
        ("event:TaskClosed", "view:TaskPage"),
        ("view:TaskPage", "query:FindTasks"),
    }
    assert {node["id"] for node in graph["nodes"]} == {end for edge in edges for end in edge}


def test_the_map_is_text_unless_asked_otherwise(project: Path, run: Run) -> None:
    output = run("map").output

    assert "OpenTask  ->  Task" in output
    assert "TaskPage  ->  FindTasks" in output
    assert "\nqueries\n  FindTasks" in output


def test_the_map_as_mermaid(project: Path, run: Run) -> None:
    lines = run("map", "--mermaid").output.splitlines()

    assert lines[0] == "flowchart LR"
    assert '    n1[/"OpenTask"/]' in lines
    assert sum("-->" in line for line in lines) == 7


def test_the_map_for_graphviz(project: Path, run: Run) -> None:
    output = run("map", "--dot").output

    assert output.startswith('digraph "shop" {')
    assert '"command:OpenTask" -> "aggregate:Task";' in output
    assert output.rstrip().endswith("}")
