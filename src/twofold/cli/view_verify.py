"""`twofold view verify`: are the rows what their events fold to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import click

from twofold.cli.exits import CHECK_FAILED, OK, UNHEALTHY
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, encode, print_json, print_rows
from twofold.cli.progress import Progress
from twofold.cli.target import on_store
from twofold.clock import to_datetime
from twofold.read.drift import Drift, drift_remedy
from twofold.read.findings import Findings

_COLUMNS = ("key", "kind", "field", "stored", "folded", "position")
_WIDE = 60


@click.command()
@click.argument("name", required=False)
@click.option("--keys", type=click.IntRange(min=1), default=1000, show_default=True, help="Compare so many rows.")
@click.option("--all", "--full", "is_full", is_flag=True, help="Compare every row, and every key that an event names.")
@as_json
@on_store
@click.pass_context
def verify(
    ctx: click.Context, /, name: str | None, keys: int, *, is_full: bool, json: bool, **place: str | None
) -> None:
    """Compare the rows of the view NAME, or of every view, with what their events fold to.

    Nothing has to stand still meanwhile. Rows that differ, are missing or are too many: exit 1. A view whose rows were
    built by other code cannot be verified: exit 3.
    """
    found = asyncio.run(_verify(Place(**place), name, None if is_full else keys))
    if json:
        print_json([_report(each) for each in found])
    else:
        for each in found:
            _show(each)
    drifted, refused = any(each.has_drift for each in found), any(each.why for each in found)
    ctx.exit(CHECK_FAILED if drifted else UNHEALTHY if refused else OK)


async def _verify(place: Place, name: str | None, most: int | None) -> list[Findings]:
    async with opened(place) as app:
        progress = Progress("rows compared")
        names = [name] if name is not None else list(app.verifier.views)
        return [
            await app.verifier.verify(each, most, told=lambda findings: progress(findings.compared)) for each in names
        ]


def _report(findings: Findings) -> dict[str, Any]:
    return {
        "view": findings.view,
        "generation": findings.generation,
        "verified": findings.why is None,
        "why": findings.why or findings.fault,
        "compared": findings.compared,
        "parked": findings.parked,
        "moving": findings.moving,
        "drifted": len(findings.drifts),
        "has_more": findings.has_more,
        "drifts": [_drift(each) for each in findings.drifts.values()],
    }


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "key": drift.key,
        "kind": drift.kind,
        "position": drift.position,
        "found_at": to_datetime(drift.found_at),
        "fields": [each._asdict() for each in drift.fields],
        "why": drift.why,
    }


def _show(findings: Findings) -> None:
    """One sentence, then a line for each field that differs."""
    click.echo(_sentence(findings))
    rows = [row for drift in findings.drifts.values() for row in _lines(drift)]
    print_rows(rows, _COLUMNS, json=False)
    if findings.has_drift:
        click.echo(f"  do:  {drift_remedy(findings.view)}", err=True)


def _sentence(findings: Findings) -> str:
    if findings.why is not None:
        return f"{findings.view} cannot be verified: {findings.why}"
    drifted = (
        f"{len(findings.drifts)}{' or more' if findings.has_more else ''} differ" if findings.drifts else "all agree"
    )
    parts = [f"{findings.view}: {findings.compared} compared with their events, {drifted}"]
    if findings.parked:
        parts.append(f"{findings.parked} left out since they are parked")
    if findings.moving:
        parts.append(f"{findings.moving} left out since they kept moving")
    if findings.fault is not None:
        parts.append(f"an event cannot be folded: {findings.fault}")
    return "; ".join(parts)


def _lines(drift: Drift) -> Iterator[dict[str, Any]]:
    shown = {"key": ",".join(map(str, drift.key)), "kind": drift.kind, "position": drift.position}
    if not drift.fields:
        yield {**shown, "stored": drift.why}
    for field, stored, folded in drift.fields:
        yield {**shown, "field": field, "stored": _text(stored), "folded": _text(folded)}


def _text(value: Any) -> str | None:
    """A value as JSON shows it, cut to what a line holds."""
    text = None if value is None else encode(value).decode()
    return text if text is None or len(text) <= _WIDE else text[: _WIDE - 3] + "..."
