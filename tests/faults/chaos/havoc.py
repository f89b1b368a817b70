"""The shop as several processes on PostgreSQL, some of which are killed or stopped at any instant."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.faults.chaos.oracle import Entry, Seen, look, read_journal

ROOT = Path(__file__).parents[3]
PROCESSES = 4
LEASE_SECONDS = 1.0
PATIENCE = 60.0
_READY = re.compile(r"process (\d+) is ready \(pid (\d+)\)")
_LINK = re.compile(r"http://[\d.]+:\d+")


class Outcome(NamedTuple):
    """What came of a run: what customers were told, what the database holds, and what was done to the processes."""

    told: list[Entry]
    seen: Seen
    kills: int
    stops: int


class Fleet:
    """`twofold run --workers`, and the processes of it that are alive."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._heard = threading.Condition()
        self.link = ""
        self.pids: dict[str, int] = {}
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            ready, link = _READY.search(line), _LINK.search(line)
            with self._heard:
                if ready is not None:
                    self.pids[ready[1]] = int(ready[2])
                if link is not None:
                    self.link = link[0]
                self._heard.notify_all()

    def until_ready(self) -> None:
        """Wait until all of them answer."""
        with self._heard:
            assert self._heard.wait_for(lambda: self.link and len(self.pids) == PROCESSES, PATIENCE)

    def one_of(self, rng: random.Random) -> int | None:
        """One that is alive, unless it is the last."""
        with self._heard:
            if len(self.pids) == 1:
                return None
            return self.pids[rng.choice(sorted(self.pids))]

    def kill(self, pid: int, _rng: random.Random) -> None:
        """End one; its parent starts another."""
        with self._heard:
            self.pids = {number: each for number, each in self.pids.items() if each != pid}
        os.kill(pid, signal.SIGKILL)

    def stop(self, pid: int, rng: random.Random) -> None:
        """Have one stand still for a while."""
        os.kill(pid, signal.SIGSTOP)
        time.sleep(LEASE_SECONDS * rng.uniform(0.5, 2.0))
        os.kill(pid, signal.SIGCONT)


@contextmanager
def fleet_on(url: str) -> Iterator[Fleet]:
    """The shop on the database at *url*, until the block ends."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD_")}
    environment = inherited | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "TWOFOLD_LEASE_SECONDS": str(LEASE_SECONDS),
        "TWOFOLD_POOL_SIZE": "5",
        "TWOFOLD_RETRY_MAX": "0.5",
    }
    command = [sys.executable, "-m", "twofold", "run", "examples.shop.app:app", "--store", url, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--workers", str(PROCESSES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    with process:
        fleet = Fleet(process)
        try:
            yield fleet
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
            fleet.listener.join(PATIENCE)


def wreak(url: str, journal: Path, seconds: float, seed: int) -> Outcome:
    """Customers buy for so many seconds while processes are killed and stopped; then everybody comes to rest."""
    with fleet_on(url) as fleet:
        fleet.until_ready()
        command = [sys.executable, "-m", "tests.faults.chaos.customers", fleet.link, str(journal)]
        with subprocess.Popen([*command, str(seconds), str(seed)], cwd=ROOT) as customers:
            try:
                done = disturb(fleet, seconds, random.Random(seed))
                assert customers.wait(2 * PATIENCE) == 0, "the customers were not answered"
            finally:
                customers.kill()
        seen = asyncio.run(look(url, PATIENCE))
    return Outcome(read_journal(journal), seen, done["kill"], done["stop"])


def disturb(fleet: Fleet, seconds: float, rng: random.Random) -> Counter[str]:
    """Kill one now and then, or stop it, perhaps until its leases have ended; returns how often."""
    done, deadline = Counter[str](), time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(rng.uniform(0.3, 2.0))
        victim, kind = fleet.one_of(rng), rng.choices(["kill", "stop"], [7, 3])[0]
        if victim is not None:
            getattr(fleet, kind)(victim, rng)
            done[kind] += 1
    return done
