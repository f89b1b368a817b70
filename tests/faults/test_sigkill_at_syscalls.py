"""A process that is killed at every single write, sync, truncation and deletion of a file loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.faults.client import read_history
from tests.faults.history import check_file, check_order, lost
from twofold.adapters.sqlite.log import open_sqlite_log

ROOT = Path(__file__).parents[2]
SYSCALLS = ["pwrite64", "fdatasync", "ftruncate", "unlink"]


def killed_at(folder: Path, syscall: str, number: int) -> bool:
    """Run a client that dies as it enters its n-th *syscall*; False when it ended before it came to that."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    quietly = ["strace", "-f", "-qq", "-o", str(folder / "trace"), "-e", f"trace={syscall}"]
    inject = ["-e", f"inject={syscall}:signal=SIGKILL:when={number}"]
    client = [sys.executable, "-m", "tests.faults.client", "run", str(folder / "log.db"), str(folder / "history")]
    run = subprocess.run([*quietly, *inject, *client, "7", "3"], cwd=ROOT, env=environment, check=False)
    assert run.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), run
    return run.returncode != 0


async def check(folder: Path) -> None:
    log = await open_sqlite_log(str(folder / "log.db"))
    assert await lost(log, read_history(folder / "history")) == []
    await check_order(log)
    await log.close()
    check_file(str(folder / "log.db"))


@pytest.mark.slow
@pytest.mark.needs("strace", "kills a process at a given syscall")
@pytest.mark.parametrize("syscall", SYSCALLS)
def test_sigkill_at_every_syscall_that_changes_a_file_loses_nothing_acknowledged(syscall: str, tmp_path: Path) -> None:
    def killed_and_checked(number: int) -> bool:
        folder = tmp_path / str(number)
        folder.mkdir()
        was_killed = killed_at(folder, syscall, number)
        asyncio.run(check(folder))
        return was_killed

    points = 0
    with ThreadPoolExecutor(2) as two:
        for first in count(1, 8):
            killed = list(two.map(killed_and_checked, range(first, first + 8)))
            points += sum(killed)
            if not all(killed):
                break

    print(f"killed at {points} x {syscall}")
    assert points
