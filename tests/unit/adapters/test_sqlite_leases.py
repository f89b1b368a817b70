"""What is SQLite's own about leases: a file belongs to one machine, which knows the processes that are gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from twofold.adapters.sqlite import leases, processes
from twofold.adapters.sqlite.log import SqliteLog, open_sqlite_log
from twofold.adapters.sqlite.processes import is_gone, this_process

HOLDER = """
import asyncio, sys
from twofold.adapters.sqlite.log import open_sqlite_log

async def main():
    log = await open_sqlite_log(sys.argv[1])
    await log.leases.attend("other", ["page"], 3600)
    await log.leases.take("other", ["page"], 3600)
    print("held", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    log = await open_sqlite_log(str(tmp_path / "log.db"))
    yield log
    await log.close()


@pytest.fixture
def other(log: SqliteLog, tmp_path: Path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "log.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


async def test_what_a_living_process_holds_is_not_taken(log: SqliteLog, other: subprocess.Popen[bytes]):
    assert (await log.leases.attend("this", ["page"], 10)).leases["page"].owner == "other"
    assert await log.leases.take("this", ["page"], 10) == {}


async def test_what_a_killed_process_held_is_free_at_once(log: SqliteLog, other: subprocess.Popen[bytes]):
    held = (await log.leases.roster()).leases["page"]
    other.kill()
    other.wait()

    roster = await log.leases.roster()
    taken = await log.leases.take("this", ["page"], 10)

    assert (roster.members, roster.leases) == ({}, {})
    assert taken["page"] > held.fence


async def test_without_knowing_processes_a_killed_one_keeps_its_lease(
    log: SqliteLog, other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
):
    """The check of the check, and what happens across containers."""
    monkeypatch.setattr(leases, "is_gone", lambda _: False)
    other.kill()
    other.wait()

    assert await log.leases.take("this", ["page"], 10) == {}


def test_this_process_is_not_gone():
    assert not is_gone(this_process())


def test_a_number_that_another_process_has_now_is_gone():
    place, pid, _ = this_process().split(" ")

    assert is_gone(f"{place} {pid} 1")


def test_nothing_is_said_of_processes_elsewhere():
    _, _, started = this_process().split(" ")

    assert not is_gone(f"another-boot/pid:[1] 999999999 {started}")
    assert not is_gone(" 999999999 ")


def test_a_process_of_somebody_else_is_not_gone(monkeypatch: pytest.MonkeyPatch):
    def forbidden(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("twofold.adapters.sqlite.processes.os.kill", forbidden)

    assert not is_gone(this_process())


def test_where_numbers_mean_nothing_no_process_is_gone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "_place", lambda: "")

    assert this_process().startswith(f" {os.getpid()} ")
    assert not is_gone(this_process())
