"""A bank behind an HTTP door, in memory and in SQLite files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.doors.http.bank import bank
from twofold import App, Config, OpenApp
from twofold.clock import Clock
from twofold.http_api import HttpApi

ADDRESS = "http://localhost:8000"


class Door(NamedTuple):
    """An open bank, its ASGI app, and a client that talks to it."""

    app: OpenApp
    api: HttpApi
    client: httpx.AsyncClient

    async def send(self, name: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return await self.client.post(f"/commands/{name}", json=fields, headers=headers)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers=named)


def client_of(api: Any, address: str = ADDRESS) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=address)


@asynccontextmanager
async def opened(
    url: str = "memory://",
    *,
    app: App | None = None,
    workers: bool = True,
    config: Config | None = None,
    clock: Clock | None = None,
    **door: Any,
) -> AsyncIterator[Door]:
    async with (app or bank()).open(url, workers=workers, config=config or Config(), clock=clock) as open_app:
        api = HttpApi(open_app, **door)
        async with client_of(api) as client:
            yield Door(open_app, api, client)


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/bank.db"


@pytest.fixture
async def door(url: str) -> AsyncIterator[Door]:
    """A door whose app runs its workers."""
    async with opened(url) as made:
        yield made


@pytest.fixture
async def still(url: str) -> AsyncIterator[Door]:
    """A door whose app runs nothing by itself: `await still.app.run_until_idle()`."""
    async with opened(url, workers=False) as made:
        yield made


class Wire:
    """One request as a server hands it over, chunk by chunk, and what came back."""

    def __init__(self, door: Door, method: str, path: str, *chunks: bytes, **scope: Any) -> None:
        self.chunks = list(chunks) or [b""]
        self.read = 0
        self.sent: list[Any] = []
        headers = [(b"host", b"localhost"), *scope.pop("headers", [])]
        server = scope.pop("server", ("127.0.0.1", 80))
        self.scope = {"type": "http", "method": method, "path": path, "headers": headers, "server": server, **scope}
        self.scope.setdefault("query_string", b"")
        self.app = door.api

    async def receive(self) -> dict[str, Any]:
        if self.read == len(self.chunks):
            return {"type": "http.disconnect"}
        chunk = self.chunks[self.read]
        self.read += 1
        return {"type": "http.request", "body": chunk, "more_body": self.read < len(self.chunks)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def __call__(self) -> int | None:
        await self.app(self.scope, self.receive, self.send)
        return self.sent[0]["status"] if self.sent else None


JSON = (b"content-type", b"application/json")
