"""The ASGI application: takes a request in, finds its endpoint, and turns whatever comes of it into an answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from twofold.app.app import App
from twofold.app.open_app import OpenApp
from twofold.config import Config
from twofold.errors import ClosedError
from twofold.http_api.authentication import Authenticate, trace_id_of
from twofold.http_api.door import Door
from twofold.http_api.endpoints import build_router
from twofold.http_api.hosts import HostCheck
from twofold.http_api.live import LiveAnswers
from twofold.http_api.problems import problem_of
from twofold.http_api.refusals import ClientGoneError
from twofold.http_api.request import Message, Receive, Request, Scope, Send
from twofold.http_api.response import Answerable
from twofold.http_api.router import Router
from twofold.http_api.settings import HttpSettings


class HttpApi:
    """An ASGI app over an open app: run it by any server, or mount it in any ASGI framework.

    Args:
        app: the open app. Whoever opened it closes it.
        authenticate: who is asking, from the headers; None lets everyone in as nobody.
        settings: limits of the door; None takes them from the app's configuration.
        build: makes the router; `build_operators_router` leaves everything out but health and metrics.
    """

    def __init__(
        self,
        app: OpenApp,
        *,
        authenticate: Authenticate | None = None,
        settings: HttpSettings | None = None,
        build: Callable[[Door], Router] = build_router,
    ) -> None:
        self.settings = settings or HttpSettings.of(app.config)
        self.live = LiveAnswers(self.settings)
        self._hosts = HostCheck(self.settings.allowed_hosts)
        self._router = build(Door(app, authenticate, self.live, self.settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI server."""
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        response: Answerable
        try:
            request = Request(scope, receive, self.settings)
            self._hosts.check(request)
            response = await self._router.find(request)(request)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and nothing else
            response = problem_of(error, _trace_id(scope))
        await response.answer(receive, send, head=scope["method"] == "HEAD")


class AppServer:
    """An ASGI app that opens an App when its server starts and closes it when the server stops (lifespan)."""

    def __init__(self, app: App, arguments: dict[str, Any], door: dict[str, Any]) -> None:
        self._app = app
        self._arguments = arguments
        self._door = door
        self._api: HttpApi | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._api is not None:
            await self._api(scope, receive, send)
        elif scope["type"] == "http":
            error = ClosedError("the app is not open: the server must run ASGI's lifespan")
            await problem_of(error).answer(receive, send, head=scope["method"] == "HEAD")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                opened = await stack.enter_async_context(self._app.open(**self._arguments))
                self._api = HttpApi(opened, **self._door)
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._api.live.close()
            self._api = None
        await send({"type": "lifespan.shutdown.complete"})


def asgi_app(
    app: App,
    url: str | None = None,
    *,
    views: str | None = None,
    config: Config | None = None,
    workers: bool = True,
    authenticate: Authenticate | None = None,
    settings: HttpSettings | None = None,
) -> AppServer:
    """*app* as an ASGI app of its own, opened on *url* while its server runs.

    `uvicorn module:asgi` with `asgi = asgi_app(app, "sqlite:///shop.db")`. To mount it inside another ASGI app, open
    the App in that app's lifespan and mount `HttpApi(opened)`.
    """
    arguments = {"url": url, "views": views, "config": config, "workers": workers}
    return AppServer(app, arguments, {"authenticate": authenticate, "settings": settings})


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a lifespan that has nothing to open, and close a websocket."""
    if scope["type"] != "lifespan":
        await send({"type": "websocket.close", "code": 1000})
        return
    while True:
        message: Message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _trace_id(scope: Scope) -> str | None:
    return trace_id_of(dict(scope["headers"]).get(b"traceparent"))
