"""A project made by `twofold new`, and ways to run the command line in it."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from twofold.app.app import App
from twofold.cli.main import cli
from twofold.cli.target import DEV_STORE, load_app

SOURCE = Path(__file__).parents[3] / "src"
Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs the command line in this process."""
    return lambda *arguments: CliRunner().invoke(cli, arguments)


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, without TWOFOLD_* variables; modules imported from it are forgotten afterwards."""
    for variable in [name for name in os.environ if name.startswith("TWOFOLD_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
def project(empty_folder: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A project as `twofold new shop` makes it; the working folder."""
    made = run("new", "shop")
    assert made.exit_code == 0, made.output
    monkeypatch.chdir(empty_folder / "shop")
    return empty_folder / "shop"


@pytest.fixture
def filled(project: Path) -> Path:
    """The project with a dev store: t1 opened and closed, t2 opened, t1 closed again in vain; views in step."""
    Path(".twofold").mkdir()
    asyncio.run(_fill(load_app("app:app")))
    return project


async def _fill(app: App) -> None:
    commands = sys.modules["app"]
    async with app.open(DEV_STORE, workers=False) as tasks:
        await tasks.send(commands.OpenTask(task_id="t1", title="first"))
        await tasks.send(commands.OpenTask(task_id="t2", title="second"))
        await tasks.send(commands.CloseTask(task_id="t1"))
        with pytest.raises(Exception, match="closed already"):
            await tasks.send(commands.CloseTask(task_id="t1"))
        await tasks.run_until_idle()


def json_of(result: Result) -> Any:
    """The JSON that a verb printed, which must have ended well."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def environment() -> dict[str, str]:
    """The environment of a subprocess that runs the command line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    compiled = Path(tempfile.gettempdir()) / "twofold-tests-compiled"
    return {**kept, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", "PYTHONPYCACHEPREFIX": str(compiled)}


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, in the working folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "twofold", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
