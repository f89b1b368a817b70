"""How far a long run is: rich's progress bars where rich is there and someone looks, plain lines otherwise."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

EVERY_SECONDS = 2.0
Report = Callable[[int], None]


@contextmanager
def progress(label: str, total: int) -> Iterator[Report]:
    """Shows *label* and how much of *total* is done; call what it gives with the number done so far."""
    is_rich = find_spec("rich") is not None and sys.stderr.isatty()
    with _bar(label, total) if is_rich else _lines(label, total) as report:
        yield report


@contextmanager
def _bar(label: str, total: int) -> Iterator[Report]:
    rich = import_module("rich.progress")
    console = import_module("rich.console").Console(stderr=True)
    columns = (
        rich.TextColumn("{task.description:<9}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.speed:,.0f}/s", justify="right"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=console) as bars:
        task = bars.add_task(label, total=total)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def _lines(label: str, total: int) -> Iterator[Report]:
    started = shown = time.monotonic()
    latest = 0

    def line() -> None:
        seconds = time.monotonic() - started
        print(
            f"{label:<9} {latest:>9,} of {total:,}  {latest / max(seconds, 1e-9):>9,.0f}/s  {seconds:.0f} s", flush=True
        )

    def report(done: int) -> None:
        nonlocal latest, shown
        latest = done
        if time.monotonic() - shown >= EVERY_SECONDS:
            shown = time.monotonic()
            line()

    yield report
    line()
