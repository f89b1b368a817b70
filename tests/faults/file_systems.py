"""What happens on file systems of a few kinds. Each case runs in a process, and on a file system, of its own.

`python -m tests.faults.file_systems CASE FOLDER`, where FOLDER is a small, empty file system.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from tests.faults.history import Line, check_file, check_order, lost, work
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.errors import StoreUnavailableError, StoreUnusableError


async def fill_and_free(folder: Path) -> str:
    """Fill the file system with a log, free some space, and go on. Returns what the error said."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(800_000))
    path, history = str(folder / "log.db"), list[Line]()
    log = await open_sqlite_log(path)
    said = ""
    for seed in range(3):
        try:
            await work(log, random.Random(seed), history.append, f"client{seed}", rounds=10_000)
        except StoreUnavailableError as error:
            said = str(error)
        assert await lost(log, history) == [], "reads go on, and everything acknowledged is there"

    ballast.unlink()
    await work(log, random.Random(9), history.append, "later", rounds=3)

    assert await lost(log, history) == []
    await check_order(log)
    await log.close()
    check_file(path)
    return said


async def read_only(folder: Path) -> str:
    """Open a store on a file system that became read-only. Returns what the error said."""
    path, history = str(folder / "log.db"), list[Line]()
    log = await open_sqlite_log(path)
    await work(log, random.Random(1), history.append, "client", rounds=3)
    await log.close()
    remount = await asyncio.create_subprocess_exec("mount", "-o", "remount,ro", str(folder))
    assert await remount.wait() == 0

    try:
        await open_sqlite_log(path)
    except StoreUnusableError as error:
        return str(error)
    return "it was opened"


if __name__ == "__main__":
    case = {"full": fill_and_free, "read-only": read_only}[sys.argv[1]]
    print(asyncio.run(case(Path(sys.argv[2]))))
