"""Which hosts are answered, and who may see what."""

import re
from collections.abc import Mapping

import pytest

from tests.doors.http.conftest import Door, Wire, opened
from twofold import Config, Context
from twofold.errors import UnauthenticatedError


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("", 421),
    ],
)
async def test_on_loopback_only_loopback_names_are_answered(door: Door, host: str, status: int):
    wire = Wire(door, "GET", "/health/live")
    wire.scope["headers"] = [(b"host", host.encode())]

    assert await wire() == status


async def test_elsewhere_any_host_is_answered_unless_the_settings_name_some(door: Door):
    async with opened(config=Config(allowed_hosts=("shop.example",))) as strict:
        public = {"server": ("10.0.0.1", 80)}
        other = (b"host", b"other.example")
        named = Wire(strict, "GET", "/health/live", **public)
        named.scope["headers"] = [(b"host", b"shop.example:443")]
        unnamed = Wire(strict, "GET", "/health/live", **public)
        unnamed.scope["headers"] = [other]
        anywhere = Wire(door, "GET", "/health/live", **public)
        anywhere.scope["headers"] = [other]

        assert [await named(), await unnamed(), await anywhere()] == [200, 421, 200]


async def _by_header(headers: Mapping[str, str]) -> Context:
    if "authorization" not in headers:
        raise UnauthenticatedError("an Authorization header is needed")
    tenant, _, principal = headers["authorization"].removeprefix("Bearer ").partition("/")
    return Context(principal=principal, tenant=tenant)


async def test_who_cannot_be_told_is_401_on_every_operation():
    async with opened(authenticate=_by_header) as door:
        paths = (await door.get("/openapi.json")).json()["paths"]
        operations = [(method, re.sub(r"{.*?}", "1", path)) for path, each in paths.items() for method in each]
        answers = [await door.client.request(method.upper(), path) for method, path in operations]

        assert len(operations) > 20
        assert {answer.status_code for answer in answers} == {401}
        assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
        assert (await door.get("/health/live")).status_code == 200


async def test_the_log_of_commands_shows_nobody_the_commands_of_another_tenant():
    async with opened(authenticate=_by_header) as door:
        red, blue = {"Authorization": "Bearer red/ann"}, {"Authorization": "Bearer blue/bob"}
        await door.send("OpenAccount", red, account_id="ada")
        queued = await door.send("Look", {**red, "Prefer": "respond-async"}, account_id="ada")
        mine = (await door.client.get("/commands/log", headers=red)).json()["items"]
        theirs = (await door.client.get("/commands/log", headers=blue)).json()["items"]
        place = f"/commands/log/{mine[-1]['id']}"

        assert "OpenAccount" in {item["command"] for item in mine}
        assert theirs == []
        assert (await door.client.get(place, headers=red)).status_code == 200
        assert (await door.client.get(place, headers=blue)).status_code == 404
        assert (await door.client.get(queued.headers["location"], headers=blue)).status_code == 404


async def test_one_tenants_key_is_not_anothers():
    async with opened(authenticate=_by_header) as door:
        key = {"Idempotency-Key": "k"}
        first = await door.send("OpenAccount", {**key, "Authorization": "Bearer red/ann"}, account_id="a")
        other = await door.send("OpenAccount", {**key, "Authorization": "Bearer blue/ann"}, account_id="b")

        assert [first.json()["stream"], other.json()["stream"]] == ["Account-a", "Account-b"]
