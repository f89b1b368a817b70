"""Bodies and headers as they come over the wire: in pieces, too long, too slow, twice."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doors.http.conftest import JSON, Door, Wire, opened
from twofold.http_api import HttpSettings


async def test_a_body_in_many_pieces_is_one_body(door: Door):
    wire = Wire(door, "POST", "/commands/OpenAccount", b'{"account', b'_id":', b'"ada"', b"}", headers=[JSON])

    assert await wire() == 200


async def test_a_body_is_not_read_past_its_limit_whatever_it_says_of_its_length():
    async with opened(settings=HttpSettings(body_limit=1000)) as door:
        chunks = [b" " * 400] * 100
        silent = Wire(door, "POST", "/commands/OpenAccount", *chunks, headers=[JSON])
        lying = Wire(door, "POST", "/commands/OpenAccount", *chunks, headers=[JSON, (b"content-length", b"10")])
        honest = Wire(door, "POST", "/commands/OpenAccount", *chunks, headers=[JSON, (b"content-length", b"40000")])
        single = Wire(door, "POST", "/commands/OpenAccount", b" " * 1001, headers=[JSON])

        assert [await silent(), await lying(), await honest(), await single()] == [413, 413, 413, 413]
        assert (silent.read, lying.read, honest.read) == (3, 3, 0)


@pytest.mark.parametrize("length", [b"x", b"-1", b"", b"1, 1", b"9" * 5000])
async def test_a_content_length_that_is_no_number_is_refused(door: Door, length: bytes):
    wire = Wire(door, "POST", "/commands/OpenAccount", b"{}", headers=[JSON, (b"content-length", length)])

    assert await wire() in {400, 413}


async def test_a_client_that_goes_away_in_its_body_gets_no_answer_and_changes_nothing(door: Door):
    wire = Wire(door, "POST", "/commands/OpenAccount", b'{"account_id":"ada"}', b"", headers=[JSON])
    wire.chunks.pop()
    wire.receive = _gone_after(b'{"account_id":"ada"}')  # type: ignore[method-assign]

    assert await wire() is None
    assert (await door.app.log.events.mark()).position == 0


def _gone_after(chunk: bytes) -> Any:
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": chunk, "more_body": True}, {"type": "http.disconnect"}],
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    return receive


async def test_a_body_that_comes_too_slowly_is_408():
    async with opened(settings=HttpSettings(body_time=0.01)) as door:
        wire = Wire(door, "POST", "/commands/OpenAccount", headers=[JSON])
        never = asyncio.Event()
        started = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive() -> Any:
            found = next(started, None)
            if found is None:
                await never.wait()
            return found

        wire.receive = receive  # type: ignore[method-assign]

        assert await wire() == 408


@pytest.mark.parametrize("name", [b"idempotency-key", b"if-match", b"content-type", b"twofold-after", b"host"])
async def test_a_header_that_counts_may_come_only_once(door: Door, name: bytes):
    twice = [(name, b'"1"'), (name, b'"2"')]
    wire = Wire(door, "POST", "/commands/OpenAccount", b'{"account_id":"ada"}', headers=[JSON, *twice])

    assert await wire() == 400
    assert (await door.app.log.events.mark()).position == 0


async def test_a_list_header_may_come_in_several(still: Door):
    views = [(b"twofold-wait-for", b"AccountPage"), (b"twofold-wait-for", b"Nope"), (b"prefer", b"wait=0")]
    headers = [JSON, *views, (b"x", b"1"), (b"x", b"2")]
    wire = Wire(still, "POST", "/commands/OpenAccount", b'{"account_id":"a"}', headers=headers)

    assert await wire() == 404
