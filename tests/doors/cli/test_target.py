"""Which app and store a verb takes, and what it says when there is none."""

from pathlib import Path

import pytest

from tests.doors.cli.conftest import Run
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY, USAGE


@pytest.mark.parametrize("name", ["app:app", "app"])
def test_an_app_is_named_as_module_and_attribute_or_found_in_the_module(project: Path, run: Run, name: str) -> None:
    assert run("check", name).exit_code == 0


def test_the_app_of_the_configuration_is_taken(project: Path, run: Run) -> None:
    (project / "app.py").rename(project / "tasks.py")
    (project / "pyproject.toml").write_text('[tool.twofold]\napp = "tasks:app"\n')

    assert run("check").exit_code == 0


def test_the_app_in_app_py_is_found_by_itself(project: Path, run: Run) -> None:
    (project / "pyproject.toml").unlink()

    assert run("check").exit_code == 0


def test_without_any_app_the_error_says_how_to_name_one(empty_folder: Path, run: Run) -> None:
    result = run("check")

    assert result.exit_code == USAGE
    assert "no app is named and there is no app.py here" in result.output
    assert "name it as module:app" in result.output


def test_a_module_that_is_not_there_is_said_to_be_missing(empty_folder: Path, run: Run) -> None:
    result = run("check", "nowhere:app")

    assert result.exit_code == USAGE
    assert "there is no module 'nowhere' here" in result.output


def test_an_attribute_that_is_no_app_lists_the_apps_there_are(project: Path, run: Run) -> None:
    result = run("check", "app:Task")

    assert result.exit_code == USAGE
    assert "app has no App called 'Task'; it has: app" in result.output


def test_a_module_with_two_apps_asks_which(project: Path, run: Run) -> None:
    with (project / "app.py").open("a") as file:
        file.write("other = App('other')\n")

    result = run("check", "app")

    assert result.exit_code == USAGE
    assert "app:app, app:other" in result.output


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("1 / 0", "broken.py:1: ZeroDivisionError"),
        ("def f(:", "broken.py:1: SyntaxError"),
        ("import nope", "No module"),
    ],
)
def test_an_app_that_cannot_be_imported_is_told_with_its_place(
    empty_folder: Path, run: Run, code: str, text: str
) -> None:
    (empty_folder / "broken.py").write_text(code)

    result = run("check", "broken:app")

    assert result.exit_code == USAGE
    assert text in result.output
    assert "Traceback" not in result.output


def test_wiring_faults_while_importing_are_all_reported(project: Path, run: Run) -> None:
    with (project / "app.py").open("a") as file:
        file.write(
            "class NoKey(View):\n    title: str = ''\n\napp = App('shop', aggregates=[Task, Task], views=[NoKey])\n"
        )

    result = run("check")

    assert result.exit_code == CHECK_FAILED
    assert "error[wiring]" in result.output
    assert "NoKey" in result.output


def test_without_any_store_the_error_says_how_to_name_one(project: Path, run: Run) -> None:
    result = run("events", "tail")

    assert result.exit_code == USAGE
    assert "--store URL" in result.output


def test_looking_into_a_store_that_is_not_there_makes_none(project: Path, run: Run) -> None:
    result = run("events", "tail", "--store", "sqlite:///nowhere.db")

    assert result.exit_code == UNHEALTHY
    assert "there is no file nowhere.db" in result.output
    assert not (project / "nowhere.db").exists()


def test_a_url_of_no_store_is_a_usage_error(project: Path, run: Run) -> None:
    assert run("events", "tail", "--store", "oracle://x").exit_code == USAGE


def test_a_file_of_another_kind_is_refused_and_left_alone(project: Path, run: Run) -> None:
    (project / "notes.db").write_bytes(b"my notes, no database" * 100)

    result = run("events", "tail", "--store", "sqlite:///notes.db")

    assert result.exit_code == UNHEALTHY
    assert "error[store-unusable]" in result.output
    assert (project / "notes.db").read_bytes() == b"my notes, no database" * 100


def test_the_store_of_the_environment_is_taken(filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (filled / ".twofold").rename(filled / "elsewhere")
    monkeypatch.setenv("TWOFOLD_STORE", "sqlite:///elsewhere/dev.db")

    assert "TaskClosed" in run("events", "tail").output


def test_a_faulty_configuration_is_told_with_every_fault(project: Path, run: Run) -> None:
    (project / "pyproject.toml").write_text('[tool.twofold]\nprt = 1\nport = "x"\n')

    result = run("events", "tail")

    assert result.exit_code == USAGE
    assert "did you mean 'port'" in result.output
    assert "port must be a whole number" in result.output
