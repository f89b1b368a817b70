"""What `import twofold` adds to a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.result import Result, result


def imports(runs: int = 9) -> Result:
    """Imports a second; the limit imports only what the core stands on: asyncio, msgspec, decimal."""
    bare = _median("pass", runs)
    times = [_once("import twofold") - bare for _ in range(runs)]
    limit = _median("import asyncio, msgspec, decimal", runs) - bare
    added = sorted(times)[runs // 2]
    return result("import", 1 / added, 1 / limit, times, "time added to a bare interpreter")


def _median(code: str, runs: int) -> float:
    return sorted(_once(code) for _ in range(runs))[runs // 2]


def _once(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started
