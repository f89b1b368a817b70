"""Runs an app's workers without a door, until a signal asks for the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.cli.lifeline import Lifeline
from twofold.config import Config
from twofold.runtime.signals import stop_signals


def work(app: App, config: Config, ready: Callable[[], None], lifeline: Lifeline, number: int | None = None) -> None:
    """Open *app* with its workers and return after a SIGTERM or SIGINT has been obeyed, or the parent is gone.

    Steps under way are finished, within `config.drain_seconds`. *ready* is called once, when the workers run. *number*
    is that of one of several processes.
    """
    factory = import_module("uvloop").new_event_loop if find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_work(app, config, ready, lifeline, number))


async def _work(app: App, config: Config, ready: Callable[[], None], lifeline: Lifeline, number: int | None) -> None:
    async with app.open(config.store, views=config.views, config=config) as opened, _showing(opened, config, number):
        with stop_signals() as asked, lifeline.watched(asked.set):
            ready()
            lifeline.tell_ready()
            await asked.wait()


def _showing(app: OpenApp, config: Config, number: int | None) -> AbstractAsyncContextManager[None]:
    """As `serving.showing`; a process that shows nothing needs no server for it."""
    if config.metrics_port is None:
        return nullcontext()
    shown: AbstractAsyncContextManager[None] = import_module("twofold.cli.serving").showing(app, config, number)
    return shown
