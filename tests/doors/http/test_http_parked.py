"""Rows that failed, over HTTP: not fresh, with the code that says so; and never the words of the error."""

import json

import pytest

from tests.doors.http.conftest import Door
from tests.doors.http.test_http_live import listening


@pytest.fixture
async def tokens(still: Door) -> list[str]:
    """Ada's account, whose page cannot take one of her deposits, and Bob's; the tokens after each step."""
    answers = [
        await still.send("OpenAccount", account_id="ada"),
        await still.send("Deposit", account_id="ada", amount="666.66"),
        await still.send("OpenAccount", account_id="bob"),
    ]
    await still.app.run_until_idle()
    return [answer.json()["token"] for answer in answers]


async def test_a_parked_row_is_refused_to_those_who_want_it_fresh(still: Door, tokens: list[str]):
    refused = await still.get("/views/AccountPage/ada", Twofold_After=tokens[-1], Prefer="wait=5")

    assert (refused.status_code, refused.json()["code"]) == (503, "not-fresh")
    assert refused.json()["detail"] == "AccountPage has reached position 1, not 3: a row is parked since position 2"
    assert refused.headers["retry-after"]
    assert "bug" not in refused.text


async def test_a_parked_row_is_served_as_of_before_it_failed_to_those_who_take_it_stale(still: Door, tokens: list[str]):
    stale = await still.get("/views/AccountPage/ada", Twofold_After=tokens[-1], Prefer="wait=0, stale-ok")
    as_it_is = await still.get("/views/AccountPage/ada")

    assert (stale.status_code, stale.headers["twofold-stale"]) == (200, "true")
    assert "twofold-stale" not in as_it_is.headers
    assert [each.headers["twofold-token"] for each in (stale, as_it_is)] == [tokens[0]] * 2


@pytest.mark.parametrize("path", ["/views/AccountPage", "/queries/Richest?at_least=0"])
async def test_questions_that_may_touch_a_parked_row_are_refused_too(still: Door, tokens: list[str], path: str):
    refused = await still.get(path, Twofold_After=tokens[-1], Prefer="wait=0")
    earlier = await still.get(path, Twofold_After=tokens[0], Prefer="wait=0")

    assert (refused.status_code, earlier.status_code) == (503, 200)


async def test_whoever_resumes_gets_what_changed_beside_a_parked_row(still: Door, tokens: list[str]):
    async with listening(still, "/views/AccountPage", last_event_id=tokens[0]) as stream:
        event = await stream.event()

    assert event["id"] == tokens[0]
    assert [row["account_id"] for row in json.loads(event["data"])["items"]] == ["ada", "bob"]


async def test_every_other_row_stays_fresh(still: Door, tokens: list[str]):
    found = await still.get("/views/AccountPage/bob", Twofold_After=tokens[-1], Prefer="wait=0")

    assert (found.status_code, found.headers["twofold-token"]) == (200, tokens[-1])
