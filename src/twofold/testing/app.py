"""A whole app in memory, that only moves when the test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.clock import Clock
from twofold.config import Config


@asynccontextmanager
async def memory_app(app: App, *, config: Config | None = None, clock: Clock | None = None) -> AsyncIterator[OpenApp]:
    """*app* on empty stores in memory, without workers: views stand still until `step` or `run_until_idle`.

    Neither pyproject.toml nor the environment is read: *config* is all there is. Pass a ManualClock as *clock* to
    hold time still.
    """
    async with app.open("memory://", config=config or Config(), workers=False, clock=clock) as opened:
        yield opened
