"""`make bench` works: each of its lines, in small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench import appending, commands, disk, rebuilding, units, views
from bench.bare_sqlite import SqliteStore
from bench.result import Result, table

LINES: dict[str, Callable[[SqliteStore], Awaitable[Result | list[Result]]]] = {
    "commands": lambda store: commands.run(store, 4, 40),
    "commands with keys on a history": lambda store: commands.run(store, 4, 40, keyed=True, history=10_000),
    "units": lambda store: units.run(store, 4, 20),
    "append": lambda store: appending.append(store, 10_000),
    "bulk": lambda store: appending.load_log(store, 10_000),
    "load": lambda store: appending.load(store, 10_000),
    "catch up": lambda store: views.catch_up(store, 10_000),
    "lag": lambda store: views.lag(store, rate=500, seconds=0.1),
    "get": lambda store: views.get(store, rows=1000, reads=50),
    "rebuild": lambda store: rebuilding.rebuild(store, 10_000),
    "lag of a rebuild": lambda store: rebuilding.lag(store, history=10_000, rate=500, seconds=0.1),
}


@pytest.mark.parametrize("line", LINES)
async def test_a_line_of_the_bench_has_a_rate_beside_its_limit(line: str, tmp_path: Path) -> None:
    found = await LINES[line](SqliteStore(tmp_path))

    for each in found if isinstance(found, list) else [found]:
        assert each.rate > 0
        assert each.limit is not None
        assert each.of_limit == each.rate / each.limit
        assert each.name in table([each])


def test_the_disk_is_measured_too() -> None:
    assert disk.sync(3).rate > 0
