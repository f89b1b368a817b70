"""Compares what customers were told with what PostgreSQL holds, read by plain SQL and by none of twofold's code."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

OK = 200
REFUSED = 422
Entry = Mapping[str, Any]
Books = dict[str, dict[Any, tuple[Any, ...]]]

VIEWS = {
    "OrderPage": 'SELECT order_id, customer_id, total, status, refund FROM twofold_views."OrderPage"',
    "CustomerDashboard": """
        SELECT customer_id, orders, placed_total, cancelled_orders, cancelled_total, refunded_total
        FROM twofold_views."CustomerDashboard"
    """,
    "ProductSales": """
        SELECT product_id, orders, units, placed_value, cancelled_units, cancelled_value
        FROM twofold_views."ProductSales"
    """,
    "DailyRevenue": """
        SELECT day::text || ' ' || department, orders, lines, placed, cancelled FROM twofold_views."DailyRevenue"
    """,
}
LEAST = "SELECT min(position) FROM twofold_views.twofold_checkpoints"
HEAD = "SELECT coalesce(max(position), 0) FROM twofold.events"


@dataclass
class Seen:
    """What the database holds: (position, stream, version, type), (key, code), and the rows of each view by key."""

    events: list[tuple[int, str, int, str]]
    outcomes: list[tuple[str, str | None]]
    views: Books


async def look(url: str, patience: float) -> Seen:
    """What is there once every view has reached the head. Raises TimeoutError when they take longer than *patience*."""
    connection = await asyncpg.connect(url)
    try:
        deadline = time.monotonic() + patience
        while await connection.fetchval(LEAST) < await connection.fetchval(HEAD):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the views are not at the head after {patience} s")
        events = await connection.fetch("SELECT position, stream, version, type FROM twofold.events ORDER BY position")
        outcomes = await connection.fetch("SELECT key, code FROM twofold.outcomes")
        views = {name: {row[0]: tuple(row[1:]) for row in await connection.fetch(sql)} for name, sql in VIEWS.items()}
    finally:
        await connection.close()
    return Seen([tuple(event) for event in events], [tuple(outcome) for outcome in outcomes], views)


def read_journal(path: Path) -> list[Entry]:
    """Everything that was told, in order."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def faults(told: Sequence[Entry], seen: Seen) -> list[str]:
    """Every difference, as a sentence; none when nothing was lost, doubled or skipped."""
    answers = [entry for entry in told if "status" in entry]
    return [
        *(
            f"stale: {entry['stale']} was {entry['found']}, not {entry['expected']}"
            for entry in told
            if "stale" in entry
        ),
        *(
            f"{entry['key']} was answered {entry['status']}"
            for entry in answers
            if entry["status"] not in {OK, REFUSED}
        ),
        *log_faults(answers, seen),
        *outcome_faults(answers, seen),
        *view_faults(answers, seen),
    ]


def log_faults(answers: Sequence[Entry], seen: Seen) -> Iterator[str]:
    """Events that were told and are not there, those nobody was told of, and streams that are not whole."""
    promised = Counter(
        (event["position"], entry["answer"]["stream"], event["version"], event["type"])
        for entry in answers
        if entry["status"] == OK
        for event in entry["answer"]["events"]
    )
    there = Counter(seen.events)
    yield from (f"lost: event {event}" for event in promised - there)
    yield from (f"nobody was told of event {event}" for event in there - promised)
    versions: dict[str, int] = defaultdict(int)
    for position, stream, version, _ in seen.events:
        versions[stream] += 1
        if version != versions[stream]:
            yield f"{stream} has version {version} at {position}, not {versions[stream]}"


def outcome_faults(answers: Sequence[Entry], seen: Seen) -> Iterator[str]:
    """Keys whose outcome is another one than was told, that have none, or several."""
    promised = Counter((entry["key"], entry["answer"].get("code")) for entry in answers)
    there = Counter(seen.outcomes)
    yield from (f"lost: outcome {outcome}" for outcome in promised - there)
    yield from (f"nobody was told of outcome {outcome}" for outcome in there - promised)


def view_faults(answers: Sequence[Entry], seen: Seen) -> Iterator[str]:
    """Rows that are not what the orders, payments and cancellations add up to."""
    for name, wanted in booked(answers).items():
        rows = seen.views[name]
        for key in wanted.keys() | rows.keys():
            if wanted.get(key) != rows.get(key):
                yield f"{name} {key} is {rows.get(key)}, not {wanted.get(key)}"


def booked(answers: Sequence[Entry]) -> Books:
    """What the views must show, added up from what was accepted."""
    done: dict[str, dict[str, Any]] = defaultdict(dict)
    for entry in answers:
        if entry["status"] == OK:
            done[entry["body"]["order_id"]][entry["command"]] = entry["body"]
    pages, dashboards, sales, days = {}, Sums(5), Sums(5), Sums(4)
    for order_id, steps in done.items():
        if "PlaceOrder" not in steps:
            continue
        order, cancelled = steps["PlaceOrder"], "CancelOrder" in steps
        total = sum(Decimal(line["value"]) for line in order["lines"])
        refund = total if cancelled and "PayOrder" in steps else Decimal(0)
        pages[order_id] = (order["customer_id"], total, status_after(steps), refund)
        off = total * cancelled
        dashboards.add(order["customer_id"], 1, total, int(cancelled), off, refund)
        for line in order["lines"]:
            value, units = Decimal(line["value"]), line["quantity"]
            sales.add(line["product_id"], 1, units, value, units * cancelled, value * cancelled)
            days.add(f"{order['business_day']} {line['department']}", 0, 1, value, value * cancelled)
        for department in {line["department"] for line in order["lines"]}:
            days.add(f"{order['business_day']} {department}", 1, 0, 0, 0)
    return {"OrderPage": pages, "CustomerDashboard": dashboards, "ProductSales": sales, "DailyRevenue": days}


def status_after(steps: Mapping[str, Any]) -> str:
    """What an order is after these."""
    for command, status in (("CancelOrder", "cancelled"), ("ShipOrder", "shipped"), ("PayOrder", "paid")):
        if command in steps:
            return status
    return "placed"


class Sums(dict[Any, tuple[Any, ...]]):
    """Rows of so many figures that are added up."""

    def __init__(self, figures: int) -> None:
        super().__init__()
        self._nothing = (0,) * figures

    def add(self, key: str, *figures: Any) -> None:
        """Add to the row with *key*."""
        self[key] = tuple(a + b for a, b in zip(self.get(key, self._nothing), figures, strict=True))
