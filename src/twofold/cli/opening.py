"""Opens the store a verb works on: an existing one, without workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.cli.target import existing_store, find_app, find_app_or_none
from twofold.config import Config


class Place(NamedTuple):
    """Where a verb works, as it was named on the command line: --app, --store, --views."""

    app: str | None
    store: str | None
    views: str | None


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[OpenApp]:
    """The app on its store. Raises CliError when no app or store is named."""
    config = Config.load(store=place.store, views=place.views)
    app = find_app(place.app, config)
    async with _open(app, config) as found:
        yield found


@asynccontextmanager
async def opened_log(place: Place) -> AsyncIterator[tuple[OpenApp, bool]]:
    """The store, opened by the app if there is one, else by an app that knows no types; True when there is one."""
    config = Config.load(store=place.store, views=place.views)
    app = find_app_or_none(place.app, config)
    async with _open(app or App("twofold"), config) as found:
        yield found, app is not None


@asynccontextmanager
async def _open(app: App, config: Config) -> AsyncIterator[OpenApp]:
    async with app.open(existing_store(config), views=config.views, config=config, workers=False) as found:
        yield found
