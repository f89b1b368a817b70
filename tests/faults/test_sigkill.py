"""A process that is killed at any instant loses nothing it acknowledged, and leaves nothing half-written."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.client import read_history
from tests.faults.history import Line, check_file, check_order, lost, work
from twofold.adapters.sqlite.log import open_sqlite_log

CYCLES = int(os.environ.get("TWOFOLD_KILLS") or 200)
CYCLES_A_FILE = 20
ROOT = Path(__file__).parents[2]
Kill = Callable[[Path, Path, int, float], None]


@pytest.fixture
def kill_one() -> Iterator[Kill]:
    """Starts a client and kills it after some seconds."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.client", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )

    def kill(path: Path, history: Path, seed: int, delay: float) -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{path} {history} {seed} {delay}\n")
        server.stdin.flush()
        assert server.stdout.readline() == "killed\n"

    yield kill
    server.communicate()


async def test_sigkill_at_any_instant_loses_nothing_acknowledged(tmp_path: Path, kill_one: Kill) -> None:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    rng = random.Random(seed)

    acknowledged = 0
    for cycle in range(CYCLES):
        name = f"{cycle // CYCLES_A_FILE}"
        path, history = tmp_path / f"{name}.db", tmp_path / f"{name}.history"
        kill_one(path, history, rng.getrandbits(32), rng.choice([0.01, 0.03, 0.1]) * rng.random())

        log = await open_sqlite_log(str(path))
        lines = read_history(history)
        assert await lost(log, lines) == []
        await check_order(log)
        await log.close()
        check_file(str(path))
        acknowledged += sum("ack" in line for line in lines[-50:])

    assert acknowledged, "no client got as far as an acknowledgement: the test shows nothing"


async def test_the_comparison_notices_what_is_gone_and_what_is_there_by_half(tmp_path: Path) -> None:
    """The check of the check: an acknowledgement too early, and an event that is missing."""
    log, history = await open_sqlite_log(str(tmp_path / "log.db")), list[Line]()
    await work(log, random.Random(1), history.append, "client", rounds=5)
    assert await lost(log, history) == []

    too_early: Line = {"command": "00" * 16, "key": None, "events": []}
    early = [*history, {"try": "x", "writes": [too_early]}, {"ack": "x", "results": [[1, 1]]}]
    assert await lost(log, early) == ["00" * 16]

    halved = next(write for line in history if "try" in line for write in line["writes"] if write["events"])
    halved["events"].append(["ff" * 16, "00"])
    with pytest.raises(AssertionError):
        await lost(log, history)
    await log.close()
