"""`twofold view get`: one row, as it is or as it was."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from twofold.cli.moment import at_option
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json
from twofold.cli.row_key import key_of, view_of
from twofold.cli.target import on_store
from twofold.event_store.moment import Moment


@click.command()
@click.argument("view")
@click.argument("key")
@at_option
@as_json
@on_store
def get(view: str, key: str, at: Moment | None, *, json: bool, **place: str | None) -> None:
    """Show the row of VIEW with KEY; the answer is JSON either way.

    The parts of a composite KEY are percent-encoded and joined by commas. With --at the row is folded afresh from the
    log; without, it is as far as the running app has brought it.
    """
    del json
    print_json(asyncio.run(_row(Place(**place), view, key, at)))


async def _row(place: Place, name: str, text: str, at: Moment | None) -> Any:
    async with opened(place) as app:
        definition = view_of(app, name)
        return await app.get(definition.view, key_of(definition, text), at=at)
