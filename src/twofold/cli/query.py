"""`twofold query run`."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from twofold.cli.fields import message_from, message_rows
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json, print_rows
from twofold.cli.target import app_option, find_app, on_store
from twofold.config import Config


@click.group()
def verb() -> None:
    """Queries: list and ask them."""


@verb.command(name="list")
@as_json
@app_option
def list_queries(app: str | None, *, json: bool) -> None:
    """Show the queries of the app and their fields."""
    found = find_app(app, Config.load())
    print_rows(message_rows(found.catalog.queries), ("name", "fields"), json=json, none=f"{found.name} has no query")


@verb.command()
@click.argument("name")
@click.argument("fields", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--after", metavar="TOKEN", help="Answer as of this token, or later.")
@click.option("--wait", type=float, metavar="SECONDS", help="How long to wait for it.")
@click.option("--stale-ok", is_flag=True, help="Answer with what there is when the wait runs out.")
@as_json
@on_store
def run(
    name: str,
    fields: tuple[str, ...],
    after: str | None,
    wait: float | None,
    *,
    json: bool,
    stale_ok: bool,
    **place: str | None,
) -> None:
    """Ask the query NAME; the answer is JSON either way. Views are as far as the running app has brought them."""
    del json
    print_json(asyncio.run(_ask(Place(**place), name, fields, {"after": after, "wait": wait, "stale_ok": stale_ok})))


async def _ask(place: Place, name: str, fields: tuple[str, ...], freshness: dict[str, Any]) -> Any:
    async with opened(place) as app:
        query = message_from(app.catalog.queries, "query", name, fields)
        return await app.ask(query, **freshness)
