"""Opens the store a verb works on: an existing one, without workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from twofold.app import stores
from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.app.stores import public, schema_of
from twofold.cli.target import existing_store, find_app, find_app_or_none
from twofold.config import Config
from twofold.errors import StoreUnusableError
from twofold.event_store.store import Log


class Place(NamedTuple):
    """Where a verb works, as it was named on the command line: --app, --store, --views."""

    app: str | None
    store: str | None
    views: str | None


@asynccontextmanager
async def opened(place: Place, **settings: Any) -> AsyncIterator[OpenApp]:
    """The app on its store, with those *settings*; by itself it builds and promotes nothing.

    Raises CliError when no app or store is named.
    """
    config = Config.load(store=place.store, views=place.views, **{"rebuild": "manual", "promote": "manual", **settings})
    app = find_app(place.app, config)
    url = await made_store(config)
    async with app.open(url, views=config.views, config=config, workers=False) as found:
        yield found


@asynccontextmanager
async def opened_log(place: Place) -> AsyncIterator[tuple[Log, App | None]]:
    """The log by itself, and the app that knows its types, if one is named or found."""
    config = Config.load(store=place.store, views=place.views)
    app = find_app_or_none(place.app, config)
    async with stores.opened_log(await made_store(config), config) as log:
        yield log, app


async def made_store(config: Config) -> str:
    """The URL of the store to look into, whose log is there, whole: looking makes and changes nothing.

    Raises StoreUnusableError when its log has still to be made or migrated, and as `existing_store`.
    """
    url = existing_store(config)
    missing = await schema_of(url, "log", config).pending()
    if missing:
        names = ", ".join(f"{step.number} ({step.name})" for step in missing)
        lacks = "has no log yet" if missing[0].number == 1 else f"lacks migration {names}"
        also = ", or `twofold run`, which does it too" if config.migrate == "apply" else ""
        raise StoreUnusableError(f"{public(url)} {lacks}; run `twofold migrate`{also}")
    return url
