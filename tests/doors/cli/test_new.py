"""`twofold new`: a newcomer's first minute."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.doors.cli.conftest import Run, environment
from twofold.cli.exits import USAGE


def test_new_makes_three_files_and_says_what_to_type_next(empty_folder: Path, run: Run) -> None:
    begun = time.process_time()
    result = run("new", "shop")

    assert time.process_time() - begun < 1
    assert result.exit_code == 0
    assert sorted(path.name for path in (empty_folder / "shop").iterdir()) == [
        "app.py",
        "pyproject.toml",
        "test_app.py",
    ]
    assert "cd shop && twofold dev" in result.output
    assert "PROJECT" not in "".join(path.read_text() for path in (empty_folder / "shop").iterdir())


def test_the_first_app_fits_on_a_page(project: Path) -> None:
    lines = (project / "app.py").read_text().splitlines()

    assert sum(bool(line.strip()) for line in lines) <= 45


def test_what_new_makes_passes_check_and_its_own_tests(project: Path, run: Run) -> None:
    assert run("check").exit_code == 0

    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert tests.returncode == 0, tests.stdout


def test_new_goes_into_an_empty_folder(empty_folder: Path, run: Run) -> None:
    (empty_folder / "shop").mkdir()

    assert run("new", "shop").exit_code == 0


def test_new_refuses_a_folder_that_holds_something_and_writes_nothing(empty_folder: Path, run: Run) -> None:
    (empty_folder / "shop").mkdir()
    (empty_folder / "shop" / "mine.txt").write_text("mine")

    result = run("new", "shop")

    assert result.exit_code == USAGE
    assert "error[usage]: shop exists" in result.output
    assert [path.name for path in (empty_folder / "shop").iterdir()] == ["mine.txt"]


def test_new_refuses_a_name_that_a_file_has(empty_folder: Path, run: Run) -> None:
    (empty_folder / "shop").write_text("mine")

    assert run("new", "shop").exit_code == USAGE
    assert (empty_folder / "shop").read_text() == "mine"


@pytest.mark.parametrize("name", ["my-shop", "1shop", "class", "Shop", "../shop", "", "a b", "shöp", "a.b"])
def test_new_refuses_a_name_that_is_no_package(empty_folder: Path, run: Run, name: str) -> None:
    result = run("new", name)

    assert result.exit_code == USAGE
    assert "error[usage]" in result.output
    assert not list(empty_folder.iterdir())
