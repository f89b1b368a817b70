"""How long the disk takes to make 8 KiB durable, which most durable figures stand on."""

from __future__ import annotations

import os
import tempfile
import time

from bench.result import Result, result

PAGE = 8192
PAGES = 64


def sync(times: int = 300) -> Result:
    """Writes of a page, each with its `fdatasync`, one after another."""
    spent, durable = [], getattr(os, "fdatasync", os.fsync)  # not every system has the first
    with tempfile.TemporaryFile(prefix="twofold-bench-") as file:
        file.write(bytes(PAGE * PAGES))
        os.fsync(file.fileno())
        for n in range(times):
            started = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(PAGE), n % PAGES * PAGE)
            durable(file.fileno())
            spent.append(time.perf_counter() - started)
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return result("disk.sync", times / sum(spent), None, spent, f"{os.cpu_count()} cores, load average {load}")
