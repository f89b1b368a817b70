"""`python -m bench [NAME ...]`: the figures, each beside its limit; with names only those that start with one."""

from __future__ import annotations

import asyncio
import gc
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import appending, commands, http, imports, views
from bench.result import RESULTS, Result, table, write

HISTORY = 1_000_000
Bench = Callable[[Path], Awaitable[Result | list[Result]]]


async def _imports(_: Path) -> Result:
    return imports.imports()


BENCHES: dict[str, Bench] = {
    "import": _imports,
    "bus.three": commands.dispatch,
    "commands.one.sqlite": lambda folder: commands.run(1, folder, 4_000),
    "commands.64.sqlite": lambda folder: commands.run(64, folder, 128_000),
    "commands.1000.sqlite": lambda folder: commands.run(1000, folder, 200_000),
    "commands.64.keyed.sqlite": lambda folder: commands.run(64, folder, 64_000, keyed=True),
    "commands.1000.keyed.sqlite": lambda folder: commands.run(1000, folder, 100_000, keyed=True),
    "append.batch.sqlite": appending.append,
    "load.10k": appending.load,
    "project.catchup.sqlite": lambda folder: views.catch_up(folder, 200_000),
    "project.lag.sqlite": views.lag,
    "view.get.sqlite": views.get,
    "http": http.doors,
    "commands.one.sqlite@1m": lambda folder: commands.run(1, folder, 4_000, history=HISTORY),
    "commands.64.sqlite@1m": lambda folder: commands.run(64, folder, 128_000, history=HISTORY),
    "commands.1000.sqlite@1m": lambda folder: commands.run(1000, folder, 200_000, history=HISTORY),
    "project.catchup.sqlite@1m": lambda folder: views.catch_up(folder, HISTORY, "@1m"),
    "view.get.sqlite@1m": lambda folder: views.get(folder, rows=100_000, note="@1m"),
}


async def measure(names: list[str]) -> list[Result]:
    """Run the benches whose names start with one of *names* (all, if empty), in order."""
    results: list[Result] = []
    for name, bench in BENCHES.items():
        if names and not any(name.startswith(each) for each in names):
            continue
        with tempfile.TemporaryDirectory(prefix="twofold-bench-") as folder:
            found = await bench(Path(folder))
        new = found if isinstance(found, list) else [found]
        results.extend(new)
        print(table(new).split("\n", 1)[1], flush=True)
    return results


def main() -> None:
    """Measure, print the table, write the results."""
    print(f"Python {platform.python_version()}, {platform.machine()}; loop: {_loop()}\n{table([])}", flush=True)
    gc.freeze()  # as `twofold run` does
    results = _runner()(measure(sys.argv[1:]))
    write(results)
    print(f"\nwritten to {RESULTS.relative_to(Path.cwd())}" if RESULTS.is_relative_to(Path.cwd()) else "")


def _loop() -> str:
    return "uvloop" if _runner() is not asyncio.run else "asyncio"


def _runner() -> Callable[[Awaitable[list[Result]]], list[Result]]:
    try:
        import uvloop  # noqa: PLC0415 - measured with it where it is installed
    except ImportError:
        return asyncio.run  # type: ignore[return-value]
    return uvloop.run  # type: ignore[return-value]


if __name__ == "__main__":
    main()
