"""The door behind a real server, on a free port of the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors.http.bank import bank
from tests.doors.http.conftest import client_of
from twofold import Config
from twofold.http_api import asgi_app

uvicorn = pytest.importorskip("uvicorn")


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """*app* on a free port; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="on", log_config=None, timeout_graceful_shutdown=5))
    running = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def test_a_server_opens_the_app_answers_and_closes_it(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/bank.db"
    async with (
        served(asgi_app(bank(), url, config=Config())) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        sent = await client.post(
            "/commands/OpenAccount", json={"account_id": "a/b"}, headers={"Twofold-Wait-For": "AccountPage"}
        )
        row = await client.get("/views/AccountPage/a%2Fb")
        head = await client.head("/views/AccountPage/a%2Fb")
        large = await client.post("/commands/OpenAccount", content=b" " * 2_000_000)
        rebound = await client.get("/health/live", headers={"Host": "evil.example"})
        missing = await client.get("/views/AccountPage/%E2%98%83")

    assert [each.status_code for each in (sent, row, head, large, rebound, missing)] == [200, 200, 200, 415, 421, 404]
    async with bank().open(url, config=Config(), workers=False) as again:
        assert (await again.log.events.mark()).position == 1


async def test_a_live_answer_ends_when_its_client_leaves(tmp_path: Path):
    app = asgi_app(bank(), f"sqlite:///{tmp_path}/bank.db", config=Config())
    async with served(app) as address, httpx.AsyncClient(base_url=address) as client:
        headers = {"Accept": "text/event-stream"}
        async with client.stream("GET", "/views/AccountPage", headers=headers) as response:
            lines = response.aiter_lines()
            first = [await anext(lines), await anext(lines)]
            await client.post("/commands/OpenAccount", json={"account_id": "ada"})
            second = [line async for line in _some(lines, 4) if line]

        assert first[0].startswith("id: ")
        assert first[1] == 'data: {"items":[],"next":null}'
        assert "ada" in second[-1]


async def _some(lines: AsyncIterator[str], count: int) -> AsyncIterator[str]:
    async with asyncio.timeout(10):
        for _ in range(count):
            yield await anext(lines)


async def test_without_lifespan_every_request_is_503():
    async with client_of(asgi_app(bank(), "memory://")) as client:
        response = await client.get("/health/live")

    assert (response.status_code, response.json()["code"]) == (503, "closed")


async def test_an_app_that_cannot_be_opened_fails_the_start_with_the_reason(tmp_path: Path):
    (tmp_path / "bank.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    asgi = asgi_app(bank(), f"sqlite:///{tmp_path}/bank.db", config=Config())
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(Exception, match=r"bank\.db"):
        await asgi({"type": "lifespan"}, receive, send)

    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "bank.db" in sent[0]["message"]
