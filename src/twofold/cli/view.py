"""`twofold view`: the read models."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click

from twofold.app.open_app import OpenApp
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.target import app_option, find_app, on_store
from twofold.cli.view_lag import UNWELL, measure, measure_all
from twofold.clock import SystemClock
from twofold.config import Config
from twofold.event_store.token import decode_token
from twofold.runtime.health import ReaderStatus

_POLL = 0.05
_COLUMNS = ("name", "state", "position", "lag_events", "lag_seconds")


@click.group()
def verb() -> None:
    """The read models: list, status, wait."""


@verb.command(name="list")
@as_json
@app_option
def list_views(app: str | None, *, json: bool) -> None:
    """Show the views of the app: key, fields, and the events they fold."""
    found = find_app(app, Config.load())
    rows = [
        {
            "name": view.name,
            "key": list(view.table.key),
            "fields": list(view.columns),
            "events": sorted(view.event_names),
        }
        for view in found.catalog.views.values()
    ]
    print_rows(rows, ("name", "key", "fields", "events"), json=json, none=f"{found.name} has no views")


@verb.command()
@click.argument("name", required=False)
@as_json
@on_store
@click.pass_context
def status(ctx: click.Context, /, name: str | None, *, json: bool, **place: str | None) -> None:
    """Show how far the view NAME, or every view, is behind the log.

    Late means behind by more than `lag_objective`, stopped that this code cannot go on: exit 3.
    """
    found = asyncio.run(_status(Place(**place), name))
    print_rows([_row(each) for each in found], _COLUMNS, json=json, none="the app has no views")
    ctx.exit(UNHEALTHY if any(each.state in UNWELL for each in found) else 0)


async def _status(place: Place, name: str | None) -> list[ReaderStatus]:
    async with opened(place) as app:
        if name is None:
            return await measure_all(app, SystemClock())
        return [await measure(app, name, SystemClock())]


def _row(status: ReaderStatus) -> dict[str, Any]:
    return {column: getattr(status, column) for column in _COLUMNS}


@verb.command()
@click.argument("name")
@click.option("--token", metavar="TOKEN", help="Wait for this token; else for the head of the log as it is now.")
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds.")
@as_json
@on_store
@click.pass_context
def wait(
    ctx: click.Context, /, name: str, token: str | None, timeout: float, *, json: bool, **place: str | None
) -> None:
    """Wait until the view NAME, which another process keeps in step, has read up to a token.

    Exit 1 when it has not in time.
    """
    reached, found = asyncio.run(_wait(Place(**place), name, token, timeout))
    if json:
        print_json({"reached": reached, **_row(found)})
    else:
        click.echo(f"{name} is at position {found.position}" + ("" if reached else f", {found.lag_events} behind"))
    ctx.exit(0 if reached else CHECK_FAILED)


async def _wait(place: Place, name: str, token: str | None, timeout: float) -> tuple[bool, ReaderStatus]:
    deadline = time.monotonic() + timeout
    async with opened(place) as app:
        wanted = await _wanted(app, token)
        while True:
            found = await measure(app, name, SystemClock())
            left = deadline - time.monotonic()
            if found.position >= wanted or left <= 0:
                return found.position >= wanted, found
            await asyncio.sleep(min(_POLL, left))


async def _wanted(app: OpenApp, token: str | None) -> int:
    return (await app.log.events.mark()).position if token is None else decode_token(token).position
