"""The contracts of import-linter in pyproject.toml hold, and can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import PACKAGE, ROOT

PLANTED = {
    "a driver in a room": ("write/planted.py", "import apsw\n"),
    "a door's driver in the front hall's neighbour": ("read/planted.py", "import starlette\n"),
    "read in write": ("write/planted.py", "from twofold.read import view_store\n"),
    "an adapter in a door": ("http_api/planted.py", "from twofold.adapters import sqlite\n"),
    "one technology in another": ("adapters/memory/planted.py", "from twofold.adapters import sqlite\n"),
    "upwards": ("messages/planted.py", "from twofold.event_store import stream\n"),
    "a new room": ("attic/__init__.py", ""),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--config", str(ROOT / "pyproject.toml"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package to plant bugs in."""
    shutil.copytree(PACKAGE, tmp_path / "twofold", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_house_plan_holds(copy):
    told = lint(copy)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("what", PLANTED)
def test_planted_import_breaks_the_house_plan(copy, what):
    path, text = PLANTED[what]
    file = copy / "twofold" / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    told = lint(copy)
    assert told.returncode == 1, told.stdout
    assert "BROKEN" in told.stdout
