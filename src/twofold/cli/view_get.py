"""`twofold view get`: one row, as it is or as it was."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from twofold.cli.moment import at_option
from twofold.cli.opening import Place, opened
from twofold.cli.output import as_json, print_json
from twofold.cli.target import on_store
from twofold.errors import UnknownNameError
from twofold.event_store.moment import Moment
from twofold.http_api.percent import decode_part
from twofold.read.view import ViewDefinition


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
        definition = app.catalog.views.get(name)
        if definition is None:
            raise UnknownNameError("view", name, tuple(app.catalog.views))
        return await app.get(definition.view, _key(definition, text), at=at)


def _key(definition: ViewDefinition[Any], text: str) -> Any:
    return tuple(map(decode_part, text.split(","))) if len(definition.table.key) > 1 else text
