"""Runs an app's workers without a door, until a signal asks for the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from twofold.app.app import App
from twofold.cli.lifeline import Lifeline
from twofold.config import Config
from twofold.runtime.signals import stop_signals


def work(app: App, config: Config, ready: Callable[[], None], lifeline: Lifeline) -> None:
    """Open *app* with its workers and return after a SIGTERM or SIGINT has been obeyed, or the parent is gone.

    Steps under way are finished, within `config.drain_seconds`. *ready* is called once, when the workers run.
    """
    factory = import_module("uvloop").new_event_loop if find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_work(app, config, ready, lifeline))


async def _work(app: App, config: Config, ready: Callable[[], None], lifeline: Lifeline) -> None:
    async with app.open(config.store, views=config.views, config=config):
        with stop_signals() as asked, lifeline.watched(asked.set):
            ready()
            lifeline.tell_ready()
            await asked.wait()
