"""Queries and views over HTTP: typed parameters, filters, pages, freshness."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.doors.http.conftest import Door

SAMPLE = {
    "sample_id": "s1",
    "day": "2026-01-02",
    "at": "2026-01-02T03:04:05.000006Z",
    "code": "018f5f4e-0000-7000-8000-000000000001",
    "tags": ["x", "y/z"],
    "price": "0.10",
    "count": 3,
}


async def measured(door: Door, **fields: Any) -> None:
    response = await door.send("Measure", **{**SAMPLE, **fields})
    assert response.status_code == 200, response.text


async def in_step(door: Door) -> None:
    await door.app.run_until_idle()


async def test_a_row_is_answered_with_its_token(still: Door):
    sent = await still.send("OpenAccount", account_id="ada")
    await in_step(still)
    response = await still.get("/views/AccountPage/ada")

    assert response.json() == {"account_id": "ada", "owner": "Ada", "balance": "0"}
    assert response.headers["twofold-token"] == sent.json()["token"]
    assert response.headers["cache-control"] == "no-store"


async def test_a_missing_row_is_404_with_the_token(still: Door):
    sent = await still.send("OpenAccount", account_id="ada")
    await in_step(still)
    response = await still.get("/views/AccountPage/bob")

    assert (response.status_code, response.json()["code"]) == (404, "not-found")
    assert response.json()["token"] == response.headers["twofold-token"] == sent.json()["token"]


@pytest.mark.parametrize("key", ["a/b", "a,b", "ü ☃", "a..b", "%2F", "a+b", "?x=1", "#", "a//b", "'; DROP TABLE x; --"])
async def test_any_key_is_found_when_it_is_percent_encoded(still: Door, key: str):
    await still.send("OpenAccount", account_id=key)
    await in_step(still)
    response = await still.get(f"/views/AccountPage/{quote(key, safe='')}")

    assert response.status_code == 200
    assert response.json()["account_id"] == key


async def test_a_composite_key_is_comma_joined_parts_each_encoded(still: Door):
    await measured(still)
    await in_step(still)

    found = await still.get("/views/DayCount/2026-01-02,y%2Fz")
    incomplete = await still.get("/views/DayCount/2026-01-02")
    ill_typed = await still.get("/views/DayCount/yesterday,x")

    assert found.json() == {"day": "2026-01-02", "tag": "y/z", "count": 3}
    assert incomplete.status_code == 400
    assert ill_typed.status_code == 400


async def test_rows_are_written_as_messages_are(still: Door):
    await measured(still)
    await in_step(still)
    body = (await still.get("/views/SamplePage/s1")).json()

    assert body == {**SAMPLE, "kind": "small", "ratio": 0.5, "good": True, "note": None}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("count=3", ["s1"]),
        ("count__gte=3&sort=-count", ["s3", "s2", "s1"]),
        ("count__gt=3&sort=count", ["s2", "s3"]),
        ("count__lt=4", ["s1"]),
        ("count__ne=3&sort=sample_id", ["s2", "s3"]),
        ("price__lte=0.1&sort=sample_id", ["s1"]),
        ("price=0.100", ["s1"]),
        ("sample_id__in=s1&sample_id__in=s3&sort=sample_id", ["s1", "s3"]),
        ("sample_id__startswith=s&sort=-sample_id&limit=1", ["s3"]),
        ("note__contains=ell", ["s2"]),
        ("note__isnull=true&sort=sample_id", ["s1", "s3"]),
        ("note__isnull=false", ["s2"]),
        ("good=false", ["s3"]),
        ("kind=large", ["s3"]),
        ("day__lt=2026-01-03&sort=sample_id", ["s1", "s2"]),
        ("at__gte=2026-01-02T04:04:05.000006%2B01:00&sort=at,sample_id", ["s1", "s2", "s3"]),
        ("code=018f5f4e-0000-7000-8000-000000000001&sort=sample_id", ["s1", "s2", "s3"]),
        ("sort=-good,-sample_id", ["s2", "s1", "s3"]),
    ],
)
async def test_rows_are_found_by_declared_fields(still: Door, query: str, found: list[str]):
    await measured(still)
    await measured(still, sample_id="s2", count=4, price="2", note="hello")
    await measured(still, sample_id="s3", count=5, price="10", good=False, kind="large", day="2026-01-03")
    await in_step(still)
    response = await still.get(f"/views/SamplePage?{query}")

    assert response.status_code == 200, response.text
    assert [item["sample_id"] for item in response.json()["items"]] == found


async def test_pages_follow_one_another_by_cursor_until_none_is_left(still: Door):
    for number in range(5):
        await still.send("OpenAccount", account_id=f"a{number}")
    await in_step(still)

    seen: list[str] = []
    page = (await still.get("/views/AccountPage?sort=-account_id&limit=2")).json()
    while page["next"]:
        seen += [item["account_id"] for item in page["items"]]
        page = (await still.get(f"/views/AccountPage?sort=-account_id&limit=2&cursor={page['next']}")).json()
    seen += [item["account_id"] for item in page["items"]]

    assert seen == ["a4", "a3", "a2", "a1", "a0"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("nope=1", "nope"),
        ("nope__gte=1", "nope__gte"),
        ("owner__like=1", "owner__like"),
        ("owner__=1", "owner__"),
        ("balance__contains=1", "balance__contains"),
        ("balance=x", "balance"),
        ("balance=NaN", "balance"),
        ("sort=nope", "sort"),
        ("sort=owner,owner", "sort"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1e3", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("owner=a&owner=b", "owner"),
        ("owner__isnull=maybe", "owner__isnull"),
        ("owner%22%3B--=1", 'owner";--'),
    ],
)
async def test_a_wrong_filter_is_400_and_names_the_parameter(door: Door, query: str, path: str):
    response = await door.get(f"/views/AccountPage?{query}")

    assert response.status_code == 400
    assert path in {fault["path"] for fault in response.json()["faults"]}


async def test_a_wrong_filter_lists_all_faults_and_the_fields(door: Door):
    response = await door.get("/views/AccountPage?nope=1&balance=x&limit=0")

    assert {fault["path"] for fault in response.json()["faults"]} == {"nope", "balance", "limit"}
    assert "account_id, owner, balance" in response.text


@pytest.mark.parametrize("cursor", ["nonsense", "%00", "4piD", "a" * 5000])
async def test_a_cursor_that_twofold_did_not_make_is_400(door: Door, cursor: str):
    assert (await door.get(f"/views/AccountPage?cursor={cursor}")).status_code == 400


async def test_a_query_is_answered_by_its_function(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await still.send("Deposit", account_id="ada", amount="5.00")
    await in_step(still)
    response = await still.get("/queries/Richest?at_least=1")

    assert response.json() == [{"account_id": "ada", "owner": "Ada", "balance": "5.00"}]
    assert response.headers["twofold-token"]


async def test_query_parameters_are_typed_by_the_fields(door: Door):
    response = await door.get(
        "/queries/Typed?whole=7&price=1.50&good=true&day=2026-01-02&at=2026-01-02T03:04:05Z&kind=large"
        "&tags=a&tags=b%2Cc&numbers=1&numbers=2&extra=%7B%22a%22:1%7D"
    )

    assert response.json() == {
        "whole": 7,
        "price": "1.50",
        "good": True,
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05Z",
        "kind": "large",
        "tags": ["a", "b,c"],
        "numbers": [1, 2],
        "extra": {"a": 1},
    }


async def test_wrong_query_parameters_are_400_with_every_fault(door: Door):
    response = await door.get(
        "/queries/Typed?whole=x&price=Infinity&good=perhaps&day=x&at=2026-01-02T03:04:05&kind=huge"
        "&numbers=1&numbers=b&extra=%7B&more=1&whole=2"
    )

    faults = {fault["path"] for fault in response.json()["faults"]}
    assert response.status_code == 400
    assert {"$.whole", "$.price", "$.good", "$.day", "$.at", "$.kind", "$.numbers[1]", "$.extra", "$.more"} <= faults


async def test_a_missing_query_parameter_is_400(door: Door):
    response = await door.get("/queries/Richest")

    assert response.json()["faults"] == [{"path": "$.at_least", "message": "is required"}]


async def test_an_own_route_answers_the_query(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await in_step(still)

    found = await still.get("/richest/0?limit=1")
    wrong = await still.get("/richest/lots")
    twice = await still.get("/richest/0?at_least=1")

    assert [row["account_id"] for row in found.json()] == ["ada"]
    assert wrong.json()["faults"][0]["path"] == "$.at_least"
    assert twice.status_code == 400


@pytest.mark.parametrize("path", ["/queries/Nope", "/views/Nope", "/views/Nope/key"])
async def test_an_unknown_name_is_404(door: Door, path: str):
    response = await door.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "unknown-name")


async def test_a_bug_in_an_answer_is_500_with_a_trace_id(door: Door):
    response = await door.get("/queries/Broken")

    assert response.status_code == 500
    assert "division" not in response.text
    assert len(response.json()["trace_id"]) == 32


# --- freshness ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/views/AccountPage/ada", "/views/AccountPage?owner=Ada", "/queries/Richest?at_least=0&limit=20"]
)
async def test_after_a_token_the_answer_has_seen_the_command(door: Door, path: str):
    for number in range(10):
        sent = await door.send("OpenAccount", account_id=f"a{number}")
    sent = await door.send("OpenAccount", account_id="ada")
    response = await door.get(path, Twofold_After=sent.json()["token"])

    assert response.status_code == 200
    assert "ada" in response.text
    assert "twofold-stale" not in response.headers


@pytest.mark.parametrize("path", ["/views/AccountPage?owner=Ada", "/queries/Richest?at_least=0"])
async def test_when_the_wait_runs_out_it_is_503_or_stale_as_the_caller_chose(still: Door, path: str):
    sent = await still.send("OpenAccount", account_id="ada")
    token = sent.json()["token"]

    refused = await still.get(path, Twofold_After=token, Prefer="wait=0")
    stale = await still.get(path, Twofold_After=token, Prefer="wait=0, stale-ok")

    assert (refused.status_code, refused.json()["code"]) == (503, "not-fresh")
    assert refused.headers["retry-after"] == "1"
    assert stale.status_code == 200
    assert stale.headers["twofold-stale"] == "true"
    assert stale.headers["twofold-token"] != token


@pytest.mark.parametrize("token", ["nonsense", "", "AAAA", "é", "x" * 10_000])
async def test_a_token_of_nobody_is_400(door: Door, token: str):
    response = await door.client.get("/views/AccountPage", headers={b"Twofold-After": token.encode()})

    assert (response.status_code, response.json()["code"]) in [(400, "token-unknown"), (400, "malformed")]


@pytest.mark.parametrize("prefer", ["wait=x", "wait=-1", "wait=nan", "wait=1e999", "wait", "", ";;,,==", "wait=\xff"])
async def test_preferences_that_make_no_sense_are_ignored(still: Door, prefer: str):
    response = await still.client.get("/views/AccountPage", headers={b"Prefer": prefer.encode("latin-1")})

    assert response.status_code == 200
