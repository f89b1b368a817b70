"""Live answers: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.doors.http.conftest import Door, opened
from twofold.http_api import HttpSettings


class Stream:
    """A client of one live answer, speaking ASGI."""

    def __init__(self, door: Door, path: str, **headers: str) -> None:
        route, _, query = path.partition("?")
        named = {"host": "localhost", "accept": "text/event-stream", **headers}
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
            "server": ("127.0.0.1", 80),
        }
        self.start: dict[str, Any] = {}
        self.events: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.asked = False
        self.ended = False
        self.task = asyncio.ensure_future(door.api(self.scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        elif message.get("more_body"):
            await self.events.put(message["body"])
        else:
            self.ended = True
            await self.events.put(message["body"])

    async def event(self) -> dict[str, str]:
        async with asyncio.timeout(5):
            raw = await self.events.get()
        return dict(line.split(": ", 1) for line in raw.decode().splitlines() if ": " in line)


@asynccontextmanager
async def listening(door: Door, path: str, **headers: str) -> AsyncIterator[Stream]:
    stream = Stream(door, path, **headers)
    try:
        yield stream
    finally:
        stream.gone.set()
        await stream.task


async def test_a_live_row_is_sent_again_when_it_has_changed(door: Door):
    await door.send("OpenAccount", {"Twofold-Wait-For": "AccountPage"}, account_id="ada")
    async with listening(door, "/views/AccountPage/ada") as stream:
        first = await stream.event()
        sent = await door.send("Deposit", account_id="ada", amount="5")
        second = await stream.event()

    assert stream.start["status"] == 200
    assert dict(stream.start["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert json.loads(first["data"])["balance"] == "0"
    assert json.loads(second["data"])["balance"] == "5"
    assert second["id"] == sent.json()["token"]


async def test_a_live_query_and_a_live_search_change_too(door: Door):
    async with (
        listening(door, "/queries/Richest?at_least=0") as query,
        listening(door, "/views/AccountPage?owner=Ada") as search,
    ):
        assert json.loads((await query.event())["data"]) == []
        assert json.loads((await search.event())["data"]) == {"items": [], "next": None}
        await door.send("OpenAccount", account_id="ada")
        assert len(json.loads((await query.event())["data"])) == 1
        assert len(json.loads((await search.event())["data"])["items"]) == 1


async def test_a_row_that_is_not_there_yet_is_a_problem_event_until_it_comes(door: Door):
    async with listening(door, "/views/AccountPage/ada") as stream:
        missing = await stream.event()
        await door.send("OpenAccount", account_id="ada")
        found = await stream.event()

    assert missing["event"] == "problem"
    assert json.loads(missing["data"])["status"] == 404
    assert json.loads(found["data"])["account_id"] == "ada"


async def test_whoever_resumes_gets_only_what_is_newer(door: Door):
    await door.send("OpenAccount", {"Twofold-Wait-For": "AccountPage"}, account_id="ada")
    async with listening(door, "/views/AccountPage/ada") as stream:
        seen = (await stream.event())["id"]
    async with listening(door, "/views/AccountPage/ada", last_event_id=seen) as resumed:
        await door.send("Deposit", account_id="ada", amount="5")
        event = await resumed.event()
    async with listening(door, "/views/AccountPage/ada", last_event_id=seen) as late:
        caught_up = await late.event()

    assert json.loads(event["data"])["balance"] == "5"
    assert caught_up == event


async def test_a_wrong_question_is_refused_before_the_stream_starts(door: Door):
    async with listening(door, "/views/AccountPage?nope=1") as wrong:
        await wrong.event()
    async with listening(door, "/views/AccountPage", last_event_id="nonsense") as foreign:
        await foreign.event()

    assert wrong.start["status"] == 400
    assert foreign.start["status"] == 400


async def test_silence_is_broken_by_comments():
    async with opened(settings=HttpSettings(heartbeat=0.01)) as door, listening(door, "/views/AccountPage") as stream:
        await stream.event()
        async with asyncio.timeout(5):
            beat = await stream.events.get()

        assert beat.startswith(b":")


async def test_more_live_answers_than_allowed_are_429_and_leaving_makes_room():
    async with opened(settings=HttpSettings(live_limit=1)) as door:
        async with listening(door, "/views/AccountPage") as first:
            await first.event()
            async with listening(door, "/views/AccountPage") as second:
                await second.event()
        async with listening(door, "/views/AccountPage") as third:
            await third.event()

        assert second.start["status"] == 429
        assert (b"retry-after", b"1") in second.start["headers"]
        assert third.start["status"] == 200
        assert door.api.live.open == 0


async def test_closing_the_door_ends_every_stream(door: Door):
    async with listening(door, "/views/AccountPage") as stream:
        await stream.event()
        door.api.live.close()
        async with asyncio.timeout(5):
            await stream.task

        assert stream.ended


async def test_an_error_in_a_running_stream_is_its_last_event(door: Door):
    await door.send("OpenAccount", {"Twofold-Wait-For": "AccountPage"}, account_id="ada")
    async with listening(door, "/views/AccountPage") as stream:
        await stream.event()
        await door.app.close()
        stream.gone.set()
        await stream.task

    assert stream.ended
