"""From an app to an open one, and back: its stores around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.app.stores import parse_url, refuse_pending, technology, views_url
from twofold.app.wiring import wire
from twofold.clock import Clock, SystemClock
from twofold.config import Config

DEFAULT_URL = "sqlite:///twofold.db"


@asynccontextmanager
async def open_app(
    app: App, url: str | None, views: str | None, config: Config | None, clock: Clock | None, *, workers: bool
) -> AsyncIterator[OpenApp]:
    """What `App.open` does."""
    settings = config or Config.load()
    log_url = url or settings.store or DEFAULT_URL
    rows_url = views_url(log_url, views or settings.views)
    log_at, views_at = parse_url(log_url), parse_url(rows_url)
    time = clock or SystemClock()
    if settings.migrate == "check":
        await refuse_pending(log_url, "log", settings)
        await refuse_pending(rows_url, "views", settings)
    log = await technology(log_at.scheme).open_log(log_at.path, time, settings)
    try:
        rows = await technology(views_at.scheme).open_views(views_at.path, settings)
        try:
            opened = wire(app, settings, time, log, rows)
            await opened.start(run_workers=workers)
            try:
                yield opened
            finally:
                await opened.close()
        finally:
            await rows.close()
    finally:
        await log.close()
