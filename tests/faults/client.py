"""Clients in processes of their own, so that they can be killed.

`python -m tests.faults.client serve` reads lines `path history seed delay`: each starts a client by forking, lets it
run for *delay* seconds, kills it and answers `killed`. `... run path history seed rounds` is one client that ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.faults.history import Line, work
from twofold.adapters.sqlite import checkpointer, writer
from twofold.adapters.sqlite.log import open_sqlite_log


async def run(path: str, history: str, seed: int, rounds: int | None, clients: int) -> None:
    rng = random.Random(seed)
    file = os.open(history, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    os.write(file, b"\n")  # a killed client may have left a line half-written

    def note(line: Line) -> None:
        os.write(file, json.dumps(line).encode() + b"\n")

    log = await open_sqlite_log(path)
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            own = random.Random(rng.getrandbits(64))
            tasks.create_task(work(log, own, note, f"client{number}", rounds))
    await log.close()


def serve() -> None:
    checkpointer.PAGES = 10
    for line in sys.stdin:
        path, history, seed, delay = line.split()
        child = os.fork()
        if not child:
            asyncio.run(run(path, history, int(seed), None, clients=3))
        time.sleep(float(delay))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "ended by itself", flush=True)


def read_history(path: Path) -> list[Line]:
    """The lines that were written whole; of others the client was killed before it tried, or knew."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return [json.loads(line) for line in lines if is_whole(line)]


def is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        writer.INLINE_SECONDS = 1000.0  # all on one thread, whose syscalls are counted
        asyncio.run(run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), clients=1))
