"""`twofold view`: the read models."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click

from twofold.app.open_app import OpenApp
from twofold.cli.exits import CHECK_FAILED, UNHEALTHY
from twofold.cli.generation_rows import COLUMNS, generation_rows
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.target import find_app, has_store, on_store
from twofold.cli.view_generations import VERBS
from twofold.cli.view_get import get
from twofold.cli.view_rebuild import rebuild
from twofold.cli.view_verify import verify
from twofold.config import Config
from twofold.event_store.token import decode_token
from twofold.runtime.health import ReaderStatus

_POLL = 0.05
_COLUMNS = ("name", "state", "position", "lag_events", "lag_seconds", "parked_keys", "rate")
_LISTED = ("name", "key", "fields", "events", "state", "lag_events", "lag_seconds", "parked_keys")
_LOOK_AGAIN = 0.25
"""Seconds between the two looks that a rate takes."""


@click.group()
def verb() -> None:
    """The read models: list, get, status, verify, wait; rebuild, compare, promote, rollback, drop, pause, resume."""


for each in (get, verify, rebuild, *VERBS):
    verb.add_command(each)


@verb.command(name="list")
@as_json
@on_store
def list_views(*, json: bool, **options: str | None) -> None:
    """Show the views of the app: key, fields, the events they fold, and how far behind they are if there is a store."""
    place = Place(**options)
    config = Config.load(store=place.store, views=place.views)
    found = find_app(place.app, config)
    measured = {} if not has_store(config) else {view.name: view for view in asyncio.run(_status(place, None))[0]}
    rows = [
        {
            "name": view.name,
            "key": list(view.table.key),
            "fields": list(view.columns),
            "events": sorted(view.event_names),
            **{column: getattr(measured.get(view.name), column, None) for column in _LISTED[4:]},
        }
        for view in found.catalog.views.values()
    ]
    print_rows(rows, _LISTED if measured else _LISTED[:4], json=json, none=f"{found.name} has no views")


@verb.command()
@click.argument("name", required=False)
@as_json
@on_store
@click.pass_context
def status(ctx: click.Context, /, name: str | None, *, json: bool, **place: str | None) -> None:
    """Show how far the view NAME, or every view, is behind the log, and how fast it moves.

    Measured in the stores, whoever runs the views. Behind by more than `lag_objective`, or stopped: exit 3. With NAME
    its generations too, and what has changed in the code since the live one was built.
    """
    found, is_unwell, copies = asyncio.run(_status(Place(**place), name))
    rows = [_row(each) | copies.get(each.name, {}) for each in found]
    print_rows(rows, _COLUMNS, json=json, none="the app has no views")
    for each in () if json else found:
        _explain(each)
    if name is not None and not json and copies:
        click.echo()
        print_rows(copies[name]["generations"], COLUMNS, json=False)
        for change in copies[name]["changes"]:
            click.echo(f"changed since the live one was built: {change}")
    ctx.exit(UNHEALTHY if is_unwell else 0)


def _explain(status: ReaderStatus) -> None:
    """Why a view is not well, and what to do, if that is known here."""
    if status.error is not None:
        click.echo(f"{status.name}: {status.error}", err=True)
        if status.remedy:
            click.echo(f"  do:  {status.remedy}", err=True)


async def _status(place: Place, name: str | None) -> tuple[list[ReaderStatus], bool, dict[str, dict[str, Any]]]:
    async with opened(place) as app:
        found = await _measured(app, name)
        if any(view.lag_events for view in found):
            await asyncio.sleep(_LOOK_AGAIN)
            found = await _measured(app, name)
        copies = {view.name: await _copies(app, view.name) for view in found if view.name in app.catalog.views}
        return found, any(app.check.is_unwell(view) for view in found), copies


async def _copies(app: OpenApp, name: str) -> dict[str, Any]:
    sight, head = await app.operations.sight(name), (await app.log.events.mark()).position
    return {"changes": sight.changes, "generations": generation_rows(sight, head)}


async def _measured(app: OpenApp, name: str | None) -> list[ReaderStatus]:
    return list(await app.check.views()) if name is None else [await app.check.view(name)]


def _row(status: ReaderStatus) -> dict[str, Any]:
    return {column: getattr(status, column) for column in (*_COLUMNS, "error", "remedy")}


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
            found = await app.check.view(name)
            left = deadline - time.monotonic()
            if found.position >= wanted or left <= 0:
                return found.position >= wanted, found
            await asyncio.sleep(min(_POLL, left))


async def _wanted(app: OpenApp, token: str | None) -> int:
    return (await app.log.events.mark()).position if token is None else decode_token(token).position
