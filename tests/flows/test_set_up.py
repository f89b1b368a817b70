"""Set-up finds a ready `.venv`, repairs a broken one, explains itself offline; the targets do what the pages say."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The least of a fresh clone: what set-up reads."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "set_up.py", tmp_path / "scripts")
    for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def set_up(clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/set_up.py", "run"],
        cwd=clone,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def offline(clone: Path) -> dict[str, str]:
    """A network that answers nothing, and no uv."""
    programs = clone / "programs"
    programs.mkdir(exist_ok=True)
    nowhere = "http://127.0.0.1:9"
    pip = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_CACHE_DIR": str(clone / "cache")}
    return {"PATH": str(programs), "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "PIP_RETRIES": "0", **pip}


def pretend_ready(clone: Path) -> None:
    """A `.venv` that has what set-up looks for, made without a network: this Python's packages and a stamp."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    packages = next((clone / ".venv" / "lib").glob("python*")) / "site-packages"
    for name in ("apsw", "msgspec", "twofold"):
        (packages / f"{name}.py").touch()
    names = runpy.run_path(str(clone / "scripts" / "set_up.py"))
    (clone / ".venv" / ".ready").write_text(f"run {names['fingerprint']()}\n")


def test_first_run_without_a_network_says_so_and_leaves_no_stamp(clone):
    told = set_up(clone, **offline(clone))

    assert told.returncode == 1
    assert "is there a network?" in told.stderr
    assert "Traceback" not in told.stderr
    assert not (clone / ".venv" / ".ready").exists()


def test_second_run_needs_no_network(clone):
    pretend_ready(clone)

    told = set_up(clone, **offline(clone))

    assert (told.returncode, told.stdout) == (0, "")


@pytest.mark.parametrize("harm", ["pyproject changed", "python gone", "package gone", "stamp gone"])
def test_planted_harm_is_not_taken_for_ready(clone, harm):
    pretend_ready(clone)
    if harm == "pyproject changed":
        with (clone / "pyproject.toml").open("a") as file:
            file.write("# changed\n")
    elif harm == "python gone":
        (clone / ".venv" / "bin" / "python").unlink()
    elif harm == "package gone":
        next((clone / ".venv").rglob("msgspec.py")).unlink()
    else:
        (clone / ".venv" / ".ready").unlink()

    told = set_up(clone, **offline(clone))

    assert told.returncode == 1
    assert "set-up: " in told.stdout


def test_an_old_python_is_told_what_is_needed(clone, monkeypatch):
    names = runpy.run_path(str(clone / "scripts" / "set_up.py"))
    monkeypatch.setenv("PATH", str(clone))

    with pytest.raises(SystemExit, match=r"needs Python 3\.11"):
        names["start_again_with_a_newer_python"]()


def test_every_make_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in ROOT.glob("*.md") for name in re.findall(r"`make ([a-z]+)`", page.read_text())}
    assert named <= targets


def test_targets_are_a_few_lines():
    recipes = re.split(r"^[a-z]+:.*$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1:]
    assert max(len(re.findall(r"^\t", recipe, re.MULTILINE)) for recipe in recipes) <= 3
