"""A power cut, also in the middle of a sync, loses nothing that was acknowledged at the default settings."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from tests.faults.history import Line, check_file, check_order, lost, work
from tests.faults.power_loss import ForgetfulDisk
from twofold.adapters.sqlite import writer
from twofold.adapters.sqlite.log import SqliteLog, open_sqlite_log
from twofold.errors import UnavailableError

SEEDS = int(os.environ.get("TWOFOLD_POWER_CUTS") or 300)


@pytest.fixture(autouse=True)
def on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed repeats a run only if nothing runs beside it."""
    monkeypatch.setattr(writer, "INLINE_SECONDS", 1000.0)


async def lost_by_a_power_cut(folder: Path, seed: int, synchronous: str) -> tuple[list[str], int]:
    """The acknowledged commands that are gone after a power cut, and how many had been acknowledged."""
    rng = random.Random(seed)
    disk = ForgetfulDisk(f"forgetful-{seed}", rng, fails_at=rng.randint(1, 30))
    history: list[Line] = []
    before, after = folder / f"{seed}", folder / f"{seed}-after"
    before.mkdir()
    after.mkdir()
    try:
        await use(str(before / "log.db"), rng, history, synchronous, disk)
    finally:
        disk.unregister()
    disk.leave(after)

    path = str(after / "log.db")
    log = await open_sqlite_log(path)
    gone = await lost(log, history)
    await check_order(log)
    await work(log, rng, history.append, "later", rounds=2)
    await log.close()
    check_file(path)
    return gone, sum("ack" in line for line in history) - 2


async def use(path: str, rng: random.Random, history: list[Line], synchronous: str, disk: ForgetfulDisk) -> None:
    """Work on the log until the power fails, with a checkpoint now and then."""
    try:
        log = await open_sqlite_log(path, synchronous=synchronous, vfs=disk.name)
    except (UnavailableError, apsw.IOError):
        assert disk.is_off
        return
    try:
        for number in range(6):
            await work(log, rng, history.append, f"client{number}", rounds=2)
            if rng.random() < 0.4:
                checkpoint(log, rng)
    except (UnavailableError, apsw.IOError):
        assert disk.is_off
    await close_quietly(log)


def checkpoint(log: SqliteLog, rng: random.Random) -> None:
    modes = [apsw.SQLITE_CHECKPOINT_PASSIVE, apsw.SQLITE_CHECKPOINT_RESTART, apsw.SQLITE_CHECKPOINT_TRUNCATE]
    log._checkpointer._own.wal_checkpoint(mode=rng.choice(modes))


async def close_quietly(log: SqliteLog) -> None:
    with suppress(apsw.Error):
        await log.close()


def a_seed() -> int:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    return seed


@pytest.mark.slow
async def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path) -> None:
    rng, acknowledged = random.Random(a_seed()), 0

    for _ in range(SEEDS):
        seed = rng.getrandbits(48)
        gone, count = await lost_by_a_power_cut(tmp_path, seed, "full")
        assert gone == [], f"power cut {seed}"
        acknowledged += count

    print(f"{acknowledged} batches acknowledged before {SEEDS} power cuts")
    assert acknowledged > SEEDS


async def test_without_a_sync_at_every_commit_the_same_test_catches_a_loss(tmp_path: Path) -> None:
    """The control: SQLite's `synchronous=NORMAL` may lose the last commits, and does."""
    rng, losses = random.Random(a_seed()), 0

    for _ in range(60):
        gone, _count = await lost_by_a_power_cut(tmp_path, rng.getrandbits(48), "normal")
        losses += bool(gone)

    print(f"{losses} of 60 power cuts lost something")
    assert losses
