"""Runs a program and starts it again whenever a .py file is saved."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from twofold.cli.stand_in import standing_in
from twofold.runtime.signals import stop_signals

POLL = 0.2
_GONE = (
    "the app has ended, or could not be loaded: the terminal of `twofold dev` says why; the next save starts it again"
)
_NOT_SOURCE = frozenset({"__pycache__", "node_modules", "venv", "build", "dist"})
Snapshot = dict[str, int]


def snapshot(folder: Path) -> Snapshot:
    """Every .py file under *folder* with its time of change; not in folders of tools, or that begin with a dot."""
    found: Snapshot = {}
    for path in _sources(folder):
        try:
            found[path] = os.stat(path).st_mtime_ns  # noqa: PTH116 - thousands of times a minute: text paths are cheaper
        except FileNotFoundError:
            continue
    return found


def _sources(folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _NOT_SOURCE]
        yield from (f"{here}{os.sep}{name}" for name in files if name.endswith(".py"))


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """The files that were saved, made or removed in between."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


async def keep_running(
    arguments: Sequence[str],
    folder: Path,
    descriptor: int,
    *,
    environment: Mapping[str, str],
    begun: Callable[[], None],
    told: Callable[[list[str]], None],
) -> None:
    """Run the program *arguments*, which inherits *descriptor*, until SIGTERM or SIGINT; again after every save.

    Files are compared with how they were before the program started, so that no save is missed. A program that ends
    by itself is started again by the next save; until then every request to *descriptor* is answered with 503.
    *begun* is called once signals are obeyed, *told* with the files that were saved.
    """
    with stop_signals() as asked:
        begun()
        while not asked.is_set():
            before = snapshot(folder)
            child = await asyncio.create_subprocess_exec(*arguments, env=dict(environment), pass_fds=[descriptor])
            missing = asyncio.create_task(_stand_in(child, descriptor))
            saved = await _next_save(folder, before, asked)
            missing.cancel()
            await asyncio.wait({missing})
            if child.returncode is None:
                child.terminate()
            await child.wait()
            if saved:
                told(saved)


async def _stand_in(child: asyncio.subprocess.Process, descriptor: int) -> None:
    """Once *child* has ended by itself, answer in its place; until cancelled."""
    await child.wait()
    async with standing_in(descriptor, _GONE):
        await asyncio.get_running_loop().create_future()


async def _next_save(folder: Path, before: Snapshot, asked: asyncio.Event) -> list[str]:
    """The files that were saved next; none when the end was asked for."""
    while True:
        try:
            await asyncio.wait_for(asked.wait(), POLL)
        except TimeoutError:
            saved = changed(before, snapshot(folder))
            if saved:
                return saved
        else:
            return []
