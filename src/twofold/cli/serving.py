"""Serves an open app over HTTP by uvicorn, until a signal asks for the end."""

from __future__ import annotations

import asyncio
import gc
import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.cli.exits import CliError
from twofold.cli.lifeline import Lifeline
from twofold.config import Config
from twofold.http_api.asgi import HttpApi
from twofold.http_api.endpoints import build_operators_router
from twofold.http_api.settings import HttpSettings
from twofold.runtime.signals import stop_signals

_BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals, which would end the process by the signal after the drain."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `stop_signals`."""
        yield


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket that is bound to *host* and *port* (0 picks a free one). Raises CliError when it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise CliError(f"{host}:{port} cannot be listened on: {error.strerror}", f"choose another {option}") from error
    bound.listen(_BACKLOG)
    bound.set_inheritable(True)
    return bound


def address_of(bound: socket.socket) -> str:
    """The socket's address as the start of a link."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    app: App,
    config: Config,
    bound: socket.socket,
    ready: Callable[[], None],
    lifeline: Lifeline | None = None,
    number: int | None = None,
) -> None:
    """Open *app*, serve it on *bound* and return after a SIGTERM or SIGINT has been obeyed, or the parent is gone.

    The end is orderly: requests under way are answered and workers finish their step, both within
    `config.drain_seconds`, before the store is closed. *ready* is called once, when requests are taken. *number* is
    that of one of several processes which serve *bound*.
    """
    with asyncio.Runner(loop_factory=_uvicorn_config(_unset, config).get_loop_factory()) as runner:
        runner.run(_serve(app, config, bound, ready, lifeline or Lifeline(None), number))


async def _serve(
    app: App, config: Config, bound: socket.socket, ready: Callable[[], None], lifeline: Lifeline, number: int | None
) -> None:
    async with app.open(config.store, views=config.views, config=config) as opened, showing(opened, config, number):
        api = HttpApi(opened, settings=HttpSettings.of(config, is_shared=number is not None))
        server = _Server(_uvicorn_config(api, config))

        def stop() -> None:
            server.should_exit = True
            api.live.close()

        # What has been loaded by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        with stop_signals(stop), lifeline.watched(stop):
            ready()
            lifeline.tell_ready()
            await server.serve(sockets=[bound])


@asynccontextmanager
async def showing(app: OpenApp, config: Config, number: int | None) -> AsyncIterator[None]:
    """Show this process's own metrics and health at the port that *config* names, if it names one."""
    if config.metrics_port is None:
        yield
        return
    with listen(config.host, config.metrics_port + (number or 1) - 1, "--metrics-port") as bound:
        server = _Server(_uvicorn_config(HttpApi(app, build=build_operators_router), config))
        serving = asyncio.create_task(server.serve(sockets=[bound]), name="twofold:metrics")
        try:
            yield
        finally:
            server.should_exit = True
            await serving


def _uvicorn_config(asgi: Any, config: Config) -> uvicorn.Config:
    made = uvicorn.Config(asgi, loop="auto", lifespan="off", log_config=None, access_log=False, server_header=False)
    made.timeout_graceful_shutdown = math.ceil(config.drain_seconds)
    return made


async def _unset(scope: object, receive: object, send: object) -> None:
    """Stands in until the app is open."""
