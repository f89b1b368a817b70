"""`Twofold-As-Of` over HTTP: a row as it was, and a refusal where only now can be answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.http.conftest import Door, opened
from twofold import Config
from twofold.clock import to_datetime
from twofold.testing.clock import ManualClock

PATH = "/views/AccountPage/ada"


async def deposited(door: Door, *amounts: int) -> list[Any]:
    sent = [await door.send("OpenAccount", account_id="ada")]
    sent += [await door.send("Deposit", account_id="ada", amount=amount) for amount in amounts]
    return sent


async def test_a_row_is_answered_as_of_a_position_with_that_token(still: Door):
    sent = await deposited(still, 1, 2)

    response = await still.get(PATH, Twofold_As_Of="2")

    assert response.json() == {"account_id": "ada", "owner": "Ada", "balance": "1"}
    assert response.headers["twofold-token"] == sent[1].json()["token"]


async def test_a_row_is_answered_as_of_a_token_though_no_view_is_in_step(still: Door):
    sent = await deposited(still, 1, 2)

    response = await still.get(PATH, Twofold_As_Of=sent[2].json()["token"])

    assert response.json()["balance"] == "3"


async def test_a_row_is_answered_as_of_a_time_in_any_zone():
    clock = ManualClock()
    async with opened(clock=clock, workers=False) as door:
        await deposited(door, 1)
        then = to_datetime(clock.now_micros())
        clock.advance(60)
        await door.send("Deposit", account_id="ada", amount=2)

        times = [then.isoformat(), then.isoformat().replace("+00:00", "Z"), "9999-12-31T23:59:59-23:59"]
        balances = [(await door.get(PATH, Twofold_As_Of=time)).json()["balance"] for time in times]

        assert balances == ["1", "1", "3"]


async def test_before_its_first_event_a_row_is_404_with_the_token(still: Door):
    await still.send("OpenAccount", account_id="bob")
    await deposited(still)

    response = await still.get(PATH, Twofold_As_Of="1")
    at_the_beginning = await still.get(PATH, Twofold_As_Of="0001-01-01T00:00:00+23:59")

    assert (response.status_code, response.json()["code"]) == (404, "not-found")
    assert response.headers["twofold-token"] == response.json()["token"]
    assert at_the_beginning.status_code == 404


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("9", "moment-unknown"),
        ("9999999999999999999", "moment-unknown"),
        ("-1", "moment-unknown"),
        ("", "moment-unknown"),
        ("yesterday", "moment-unknown"),
        ("2026-02-30T00:00:00Z", "moment-unknown"),
        ("2026-01-01T00:00:00", "moment-unknown"),
        ("2026-01-01", "moment-unknown"),
        ("x" * 40, "token-unknown"),
        ("9" * 400, "token-unknown"),
    ],
)
async def test_what_is_no_moment_of_this_log_is_400(still: Door, moment: str, code: str):
    await deposited(still)

    response = await still.get(PATH, Twofold_As_Of=moment)

    assert (response.status_code, response.json()["code"]) == (400, code)


@pytest.mark.parametrize("path", ["/views/AccountPage", "/queries/Richest?at_least=1", "/richest/1"])
async def test_what_cannot_be_answered_as_of_a_moment_is_not_answered_as_of_now(still: Door, path: str):
    response = await still.get(path, Twofold_As_Of="0")

    assert (response.status_code, response.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("other", [{"Twofold_After": "x"}, {"Accept": "text/event-stream"}])
async def test_the_past_can_neither_be_waited_for_nor_watched(still: Door, other: dict[str, str]):
    response = await still.get(PATH, Twofold_As_Of="0", **other)

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert "exclude each other" in response.json()["detail"]


async def test_two_moments_are_refused(still: Door):
    response = await still.client.get(PATH, headers=[("Twofold-As-Of", "0"), ("Twofold-As-Of", "1")])

    assert response.status_code == 400


async def test_a_composite_key_is_read_as_for_now(still: Door):
    sample: dict[str, Any] = {
        "sample_id": "s1",
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05Z",
        "tags": ["x", "y/z"],
        "count": 3,
    }
    await still.send("Measure", code="018f5f4e-0000-7000-8000-000000000001", **sample)

    response = await still.get("/views/DayCount/2026-01-02,y%2Fz", Twofold_As_Of="1")

    assert response.json() == {"day": "2026-01-02", "tag": "y/z", "count": 3}


async def test_too_many_events_are_refused_with_how_many():
    async with opened(config=Config(as_of_events=2), workers=False) as door:
        await deposited(door, 1, 2)

        response = await door.get(PATH, Twofold_As_Of="3")

        problem = response.json()
        assert (response.status_code, problem["code"], problem["events"], problem["limit"]) == (
            400,
            "too-many-events",
            3,
            2,
        )


async def test_a_fold_with_a_bug_is_500_with_a_trace_id(still: Door):
    await still.send("OpenAccount", account_id="ada")
    await still.send("Deposit", account_id="ada", amount="666.66")

    before = await still.get(PATH, Twofold_As_Of="1")
    response = await still.get(PATH, Twofold_As_Of="2")

    assert before.status_code == 200
    assert (response.status_code, set(response.json()) >= {"trace_id"}) == (500, True)
    assert "fold with a bug" not in response.text


async def test_the_header_stands_in_the_openapi_document(still: Door):
    paths = (await still.get("/openapi.json")).json()["paths"]

    headers = {each["name"] for each in paths["/views/AccountPage/{key}"]["get"]["parameters"]}
    assert "Twofold-As-Of" in headers
    assert "Twofold-As-Of" not in {each["name"] for each in paths["/views/AccountPage"]["get"]["parameters"]}
