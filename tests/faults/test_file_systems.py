"""On real file systems, mounted for the test: full, and read-only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOUNTED = 'mount -t tmpfs -o size=2m none "$1" || exit 77; exec "$2" -m tests.faults.file_systems "$3" "$1"'
pytestmark = pytest.mark.needs("unshare", "mounts a small file system for one test")


def said_on_a_file_system(case: str, folder: Path) -> str:
    """What a case printed, run where it may mount what it likes without being root."""
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own_mounts, "true"], check=False).returncode:
        pytest.skip("needs user namespaces: mounts a small file system for one test")
    run = subprocess.run(
        [*own_mounts, "sh", "-c", MOUNTED, "sh", str(folder), sys.executable, case],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 77:
        pytest.skip("needs user namespaces that may mount: mounts a small file system for one test")
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_full_file_system_is_said_so_and_the_log_goes_on_when_there_is_room(tmp_path: Path) -> None:
    assert "the disk is full; free some space and try again" in said_on_a_file_system("full", tmp_path)


def test_a_store_on_a_read_only_file_system_is_refused(tmp_path: Path) -> None:
    assert "is read-only; give this process write permission" in said_on_a_file_system("read-only", tmp_path)
