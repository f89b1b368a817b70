"""A figure, its limit, and how both are shown."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.jsonl"


@dataclass(frozen=True)
class Result:
    """One line of the table. `rate` and `limit` are per second; times are milliseconds; `of_limit` is rate / limit."""

    name: str
    rate: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    limit: float | None = None
    of_limit: float | None = None
    note: str = ""


def result(name: str, rate: float, limit: float | None, times: Sequence[float] = (), note: str = "") -> Result:
    """Make a line from a rate, the bare driver's rate, and single times in seconds."""
    ordered = sorted(times)
    p50 = ordered[len(ordered) // 2] * 1e3 if ordered else None
    p99 = ordered[int(len(ordered) * 0.99)] * 1e3 if ordered else None
    return Result(name, rate, p50, p99, limit, None if not limit else rate / limit, note)


async def timed(repeat: int, call: Callable[[], Awaitable[object]]) -> list[float]:
    """Seconds of each of *repeat* calls, one after another."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return times


def table(results: Sequence[Result]) -> str:
    """The results for people."""
    lines = [f"{'name':34} {'rate/s':>12} {'p50 ms':>9} {'p99 ms':>9} {'limit/s':>12} {'of limit':>9}"]
    lines += [
        f"{each.name:34} {each.rate:12,.0f} {_number(each.p50_ms)} {_number(each.p99_ms)} "
        f"{'' if each.limit is None else format(each.limit, ',.0f'):>12} "
        f"{'' if each.of_limit is None else format(each.of_limit, '.0%'):>9}  {each.note}".rstrip()
        for each in results
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return " " * 9 if value is None else f"{value:9.3f}"


def write(results: Sequence[Result]) -> None:
    """The results for programs: one JSON object a line."""
    lines = [json.dumps(asdict(each)) for each in results]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
