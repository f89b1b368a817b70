"""Whatever comes in is answered below 500: random methods, paths, query strings, headers and bodies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.doors.http.conftest import opened

TEXT = st.text(max_size=20)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW", ""])
PLACES = st.sampled_from(
    [
        "/commands/OpenAccount",
        "/commands/Deposit",
        "/commands/Transfer",
        "/commands/Measure",
        "/commands/log",
        "/commands/log/x",
        "/views/AccountPage",
        "/views/SamplePage",
        "/views/DayCount",
        "/queries/Richest",
        "/queries/Typed",
        "/richest/1",
        "/accounts/a/deposits",
        "/health/ready",
        "/openapi.json",
        "/docs",
        "/",
    ]
)
ODD_PARTS = st.sampled_from(["%00", "%zz", "%ff", "%2F", "..", ",", "a,b", "2026-01-01,x"])
NAMES = st.sampled_from(
    [
        "account_id",
        "owner",
        "balance",
        "balance__gte",
        "count__in",
        "day__lt",
        "at",
        "at__gt",
        "code",
        "kind",
        "tags",
        "tags__isnull",
        "note__contains",
        "ratio__lt",
        "sort",
        "limit",
        "cursor",
        "at_least",
        "whole",
        "price",
        "good",
        "extra",
        "numbers",
        "status",
        "command",
    ]
)
ODD_VALUES = st.sampled_from(
    [
        "NaN",
        "-Infinity",
        "1e999999999",
        "%00",
        "%ff",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-02-30",
        "true",
        "-",
        "--a",
        "null",
        "{",
        "[[[[",
        "-balance,owner",
        "1000",
        "9" * 400,
    ]
)
HEADER_NAMES = st.sampled_from(
    b"""content-type accept prefer if-match idempotency-key twofold-after twofold-as-of twofold-wait-for
    content-length content-encoding traceparent x-other""".split()
)
ODD_HEADERS = st.sampled_from(
    [
        b"application/json",
        b'"1"',
        b"0",
        b"2026-11-21T09:30:00Z",
        b"wait=0, stale-ok",
        b"respond-async",
        b"AccountPage",
        b"x" * 70_000,
    ]
)
VALUES = st.one_of(TEXT, ODD_VALUES)
PAIRS = st.lists(st.tuples(st.one_of(NAMES, TEXT), VALUES), max_size=5)
QUERIES = st.one_of(
    st.binary(max_size=40),
    PAIRS.map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")),
)
HEADERS = st.lists(st.tuples(HEADER_NAMES, st.one_of(st.binary(max_size=30), ODD_HEADERS)), max_size=5)
PATHS = st.builds(
    lambda place, parts: "/".join([place, *parts]), PLACES, st.lists(st.one_of(TEXT, ODD_PARTS), max_size=3)
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, TEXT), inner, max_size=4)),
    max_leaves=8,
)
BODIES = st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode("utf-8", "replace")))


class Fuzzed:
    """One door for a whole test; each request runs on its loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.opening = opened()
        self.door = self.loop.run_until_complete(self.opening.__aenter__())

    def close(self) -> None:
        self.loop.run_until_complete(self.opening.__aexit__(None, None, None))
        self.loop.close()

    def request(self, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        raw = path.encode("utf-8", "replace")
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": raw, "query_string": query,
            "headers": [(b"host", b"localhost"), *headers], "server": ("127.0.0.1", 80), "root_path": "",
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self.loop.run_until_complete(asyncio.wait_for(self.door.api(scope, receive, send), 10))
        return int(sent[0]["status"])


@pytest.fixture(scope="module")
def fuzzed() -> Any:
    made = Fuzzed()
    yield made
    made.close()


def test_a_planted_bug_is_seen(fuzzed: Fuzzed):
    assert fuzzed.request("GET", "/queries/Broken", b"", [], b"") == 500


RELAXED = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@RELAXED
@given(METHODS, PATHS, QUERIES, HEADERS, BODIES)
@example("GET", "/views/DayCount/2026-01-01,x", b"", [], b"")
def test_no_request_is_answered_with_a_5xx(
    fuzzed: Fuzzed, method: str, path: str, query: bytes, headers: Any, body: bytes
):
    assert fuzzed.request(method, path, query, headers, body) < 500


@RELAXED
@given(st.sampled_from(["OpenAccount", "Deposit", "Transfer", "Measure", "Look"]), JSON)
def test_no_json_body_is_answered_with_a_5xx(fuzzed: Fuzzed, name: str, value: Any):
    body = json.dumps(value).encode("utf-8", "replace")
    status = fuzzed.request("POST", f"/commands/{name}", b"", [(b"content-type", b"application/json")], body)

    assert status < 500


@RELAXED
@given(st.sampled_from(["/views/SamplePage", "/views/AccountPage", "/queries/Typed", "/queries/Richest"]), QUERIES)
def test_no_query_string_is_answered_with_a_5xx(fuzzed: Fuzzed, place: str, query: bytes):
    assert fuzzed.request("GET", place, query, [], b"") < 500
