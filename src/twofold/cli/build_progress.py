"""How far a view is that is built anew: a bar on a terminal, plain lines elsewhere. What is logged is never hidden."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

_PAUSE = 1.0
_WEIGHT = 0.3


class Pace:
    """Positions a second, averaged so that what is longer ago counts for less.

    The hundred per cent are the head as it was in the beginning; what has been appended since is the rest.
    """

    def __init__(self, start: int, head: int) -> None:
        self.start, self.first_head = start, head
        self.rate: float | None = None
        self._at, self._position = time.monotonic(), start

    def move(self, position: int) -> None:
        """It is at *position* now."""
        now = time.monotonic()
        passed = now - self._at
        if passed >= _PAUSE / 4:
            speed = (position - self._position) / passed
            self.rate = speed if self.rate is None else self.rate + _WEIGHT * (speed - self.rate)
            self._at, self._position = now, position

    def percent(self, position: int) -> float:
        """How much of what was there in the beginning is folded."""
        whole = self.first_head - self.start
        return 100.0 if whole <= 0 else min(100.0, 100.0 * max(0, position - self.start) / whole)

    def words(self, position: int, head: int) -> str:
        """All of it in a line."""
        said = [f"{self.percent(position):.1f} %", f"{position:,} of {head:,}"]
        if self.rate:
            said += [f"{self.rate:,.0f} events/s", f"about {max(0, head - position) / self.rate:,.0f} s left"]
        return ", ".join(said)


class Seen(NamedTuple):
    """Where a build is: its position, and the log's head."""

    position: int
    head: int


class BuildProgress:
    """Shows builds by name. `show` may be called as often as one likes."""

    def __init__(self, paces: Mapping[str, Pace], bars: Progress | None) -> None:
        self._paces, self._bars = paces, bars
        self._tasks: dict[str, TaskID] = (
            {} if bars is None else {name: bars.add_task(name, total=100, words="") for name in paces}
        )
        self._said = time.monotonic()

    def show(self, seen: Mapping[str, Seen]) -> None:
        """Say where each one is."""
        for name, (position, head) in seen.items():
            pace = self._paces[name]
            pace.move(position)
            if self._bars is not None:
                words = pace.words(position, head)
                self._bars.update(self._tasks[name], completed=pace.percent(position), words=words)
        if self._bars is None and time.monotonic() - self._said >= _PAUSE:
            self._said = time.monotonic()
            for name, (position, head) in seen.items():
                click.echo(f"{name}: {self._paces[name].words(position, head)}", err=True)


@contextmanager
def shown(paces: Mapping[str, Pace]) -> Iterator[BuildProgress]:
    """Shows the builds with those *paces* on standard error while the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield BuildProgress(paces, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=console, transient=True) as bars:
        progress = BuildProgress(paces, bars)
        yield progress
