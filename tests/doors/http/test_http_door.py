"""Methods, paths, mounting, and what is found at start."""

from typing import Any

import pytest

from tests.doors.http.bank import bank
from tests.doors.http.conftest import JSON, Door, Wire, client_of, opened
from twofold import Command, Streams, WiringError, handles


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/commands/OpenAccount", "OPTIONS, POST"),
        ("PUT", "/commands/OpenAccount", "OPTIONS, POST"),
        ("POST", "/views/AccountPage", "GET, HEAD, OPTIONS"),
        ("DELETE", "/views/AccountPage/ada", "GET, HEAD, OPTIONS"),
        ("POST", "/queries/Richest", "GET, HEAD, OPTIONS"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"),
        ("BREW", "/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_405_with_the_right_ones(door: Door, method: str, path: str, allow: str):
    response = await door.client.request(method, path)

    assert (response.status_code, response.json()["code"]) == (405, "method-not-allowed")
    assert response.headers["allow"] == allow


async def test_options_says_what_a_path_takes(door: Door):
    response = await door.client.options("/views/AccountPage/ada")

    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_head_has_the_headers_of_get_and_no_body(door: Door):
    await door.send("OpenAccount", {"Twofold-Wait-For": "AccountPage"}, account_id="ada")
    got = await door.get("/views/AccountPage/ada")
    head = await door.client.head("/views/AccountPage/ada")
    missing = await door.client.head("/views/AccountPage/bob")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers
    assert (missing.status_code, missing.content) == (404, b"")


@pytest.mark.parametrize("path", ["/", "/nope", "/commands", "/commands/", "/views/AccountPage/a/b", "/console", "//"])
async def test_a_path_where_nothing_lives_is_404(door: Door, path: str):
    response = await door.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("raw", [b"/views/AccountPage/%zz", b"/views/AccountPage/%ff", b"/views/AccountPage/%00"])
async def test_a_path_that_is_not_percent_encoded_utf_8_is_400(door: Door, raw: bytes):
    assert await Wire(door, "GET", "/views/AccountPage/x", raw_path=raw)() in {400, 404}


@pytest.mark.parametrize("query", [b"owner=%zz", b"owner=%ff", b"owner=%00", b"\xff=1", b"a=1&" * 1001])
async def test_a_query_string_that_is_not_percent_encoded_utf_8_is_400(door: Door, query: bytes):
    assert await Wire(door, "GET", "/views/AccountPage", raw_path=b"/views/AccountPage", query_string=query)() == 400


async def test_behind_a_root_path_links_keep_it(door: Door):
    wire = Wire(
        door, "POST", "/api/commands/OpenAccount", b'{"account_id":"a/b"}',
        headers=[JSON, (b"prefer", b"respond-async")], root_path="/api", raw_path=b"/api/commands/OpenAccount",
    )  # fmt: skip

    assert await wire() == 202
    assert dict(wire.sent[0]["headers"])[b"location"].startswith(b"/api/commands/log/")


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/api/views/AccountPage/a/b", b"/api/views/AccountPage/a%2Fb"),
        ("/views/AccountPage/a/b", b"/api/views/AccountPage/a%2Fb"),
        ("/views/AccountPage/a/b", b"/views/AccountPage/a%2Fb"),
    ],
)
async def test_an_encoded_slash_survives_every_way_of_mounting(door: Door, path: str, raw: bytes):
    await door.send("OpenAccount", {"Twofold-Wait-For": "AccountPage"}, account_id="a/b")

    assert await Wire(door, "GET", path, root_path="/api", raw_path=raw)() == 200


async def test_it_mounts_inside_starlette(door: Door):
    starlette = pytest.importorskip("starlette.applications")
    routing = pytest.importorskip("starlette.routing")
    outer = starlette.Starlette(routes=[routing.Mount("/api", door.api)])
    async with client_of(outer) as client:
        sent = await client.post(
            "/api/commands/OpenAccount", json={"account_id": "a/b"}, headers={"Twofold-Wait-For": "AccountPage"}
        )
        row = await client.get("/api/views/AccountPage/a%2Fb")
        document = (await client.get("/api/openapi.json")).json()
        outside = await client.get("/views/AccountPage")

    assert [sent.status_code, row.status_code, outside.status_code] == [200, 200, 404]
    assert document["servers"] == [{"url": "/api"}]


async def test_a_websocket_is_closed(door: Door):
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await door.api({"type": "websocket", "path": "/"}, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1000}]


def _routed(route: str) -> Any:
    class Routed(Command, route=route):
        first: str = ""

    @handles
    async def handle(command: Routed, streams: Streams) -> None: ...

    return handle


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("POST /accounts/{first}/deposits", "is taken by"),
        ("POST /commands/OpenAccount", "is taken by"),
        ("GET /first", "must start with POST"),
        ("POST first", "must have a path"),
        ("POST /first/{nope}", "is not a field"),
        ("POST /first/{first}/{first}", "twice"),
        ("POST /first-{first}", "whole parts"),
    ],
)
async def test_a_wrong_route_is_found_at_start(route: str, fault: str):
    with pytest.raises(WiringError, match=fault):
        async with opened(app=bank(handlers=[_routed(route)])):
            pass
