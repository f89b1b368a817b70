"""`python -m bench [NAME ...]`: the figures, each beside its limit.

With names only those lines that have one in theirs: `postgres` picks every line on PostgreSQL, `commands.64` those that
are called so. The lines of `LONG` run only when named in full.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import appending, commands, disk, flat, http, imports, processes, rebuilding, units, verifying, views
from bench.bare_postgres import PostgresStore
from bench.bare_sqlite import SqliteStore
from bench.result import RESULTS, Result, table, write
from bench.store import Store
from tests.servers.postgres import PostgresServer

HISTORY = 1_000_000
# The server's defaults; the tests' are smaller.
SERVER = {"shared_buffers": "128MB", "max_wal_size": "1GB", "timezone": "UTC"}

Measured = Awaitable[Result | list[Result]] | AsyncIterator[Result]
Bench = Callable[[Store], Measured]


async def _imports() -> Result:
    return imports.imports()


async def _disk() -> Result:
    return disk.sync()


ALONE: dict[str, Bench] = {
    "disk.sync": lambda _: _disk(),
    "import": lambda _: _imports(),
    "bus.three": lambda _: commands.dispatch(),
}

ON_EACH: dict[str, Bench] = {
    "commands.one.{}": lambda store: commands.run(store, 1, 4_000),
    "commands.64.{}": lambda store: commands.run(store, 64, 128_000),
    "commands.1000.{}": lambda store: commands.run(store, 1000, 200_000),
    "commands.64.keyed.{}": lambda store: commands.run(store, 64, 64_000, keyed=True),
    "commands.1000.keyed.{}": lambda store: commands.run(store, 1000, 100_000, keyed=True),
    "units.one.{}": lambda store: units.run(store, 1, 2_000),
    "units.64.{}": lambda store: units.run(store, 64, 8_000),
    "append.batch.{}": appending.append,
    "append.bulk.{}": appending.load_log,
    "load.10k.{}": appending.load,
    "project.catchup.{}": lambda store: views.catch_up(store, 200_000),
    "project.lag.{}": views.lag,
    "rebuild.1m.{}": lambda store: rebuilding.rebuild(store, 1_000_000),
    "rebuild.5m.{}": lambda store: rebuilding.rebuild(store, 5_000_000),
    "rebuild.lag.{}": rebuilding.lag,
    "view.get.{}": views.get,
    "http.{}": http.doors,
    "verify.{}": verifying.rows,
    "verify.cost.{}": verifying.cost,
    "commands.one.{}@1m": lambda store: commands.run(store, 1, 4_000, history=HISTORY),
    "commands.64.{}@1m": lambda store: commands.run(store, 64, 128_000, history=HISTORY),
    "commands.1000.{}@1m": lambda store: commands.run(store, 1000, 200_000, history=HISTORY),
    "project.catchup.{}@1m": lambda store: views.catch_up(store, HISTORY, "@1m"),
    "view.get.{}@1m": lambda store: views.get(store, rows=100_000, note="@1m"),
}

ON_SERVERS: dict[str, Bench] = {
    "commands.processes.1.{}": lambda store: processes.commands(store, 1, 64_000),
    "commands.processes.2.{}": lambda store: processes.commands(store, 2, 64_000),
    "commands.processes.4.{}": lambda store: processes.commands(store, 4, 32_000),
    "project.lag.processes.{}": processes.lag,
}

LONG: dict[str, Bench] = {
    "flat.{}": flat.flat,
    "flat.10m.{}": lambda store: flat.flat(store, flat.LONG),
}


class Stores:
    """A store for one line at a time; the server starts when the first line asks for it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._server: PostgresServer | None = None

    def sqlite(self, line: ExitStack) -> Store:
        return SqliteStore(Path(line.enter_context(tempfile.TemporaryDirectory(prefix="twofold-bench-"))))

    def postgres(self, line: ExitStack) -> Store:
        self._server = self._server or self._stack.enter_context(PostgresServer.running(on_disk=True, settings=SERVER))
        return PostgresStore(self._server.databases, line)


def chosen(names: list[str]) -> Iterator[tuple[Bench, str]]:
    """The benches whose names have one of *names* in them (all but the long ones, if empty), each with its store."""
    for kind, benches in (("sqlite", ALONE), ("sqlite", ON_EACH), ("postgres", {**ON_EACH, **ON_SERVERS})):
        yield from ((bench, kind) for name, bench in benches.items() if _is_named(name.format(kind), names))
    for kind in ("sqlite", "postgres"):
        yield from ((bench, kind) for name, bench in LONG.items() if name.format(kind) in names)


def _is_named(line: str, names: list[str]) -> bool:
    return not names or any(f".{name}" in f".{line}" for name in names if not name.startswith("flat."))


async def measure(names: list[str]) -> list[Result]:
    """Run what is chosen, in order, and print each line as it comes."""
    results: list[Result] = []
    with ExitStack() as stack:
        stores = Stores(stack)
        for bench, kind in chosen(names):
            with ExitStack() as line:
                store = stores.postgres(line) if kind == "postgres" else stores.sqlite(line)
                async for each in _results(bench(store)):
                    results.append(each)
                    print(table([each]).split("\n", 1)[1], flush=True)
    return results


async def _results(measured: Measured) -> AsyncIterator[Result]:
    if isinstance(measured, AsyncIterator):
        async for each in measured:
            yield each
        return
    found = await measured
    for each in found if isinstance(found, list) else [found]:
        yield each


def main() -> None:
    """Measure, print the table, write the results."""
    print(f"Python {platform.python_version()}, {platform.machine()}; loop: {_loop()}\n{table([])}", flush=True)
    gc.freeze()  # as `twofold run` does
    logging.getLogger("twofold").setLevel(logging.ERROR)  # that views are behind is what is measured
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
