"""Commands over HTTP: the answer, its headers, and every way to say no."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.doors.http.bank import Held, bank
from tests.doors.http.conftest import Door, opened
from twofold import Context
from twofold.http_api import HttpSettings


async def test_an_accepted_command_answers_with_its_receipt_and_token(door: Door):
    await door.send("OpenAccount", account_id="ada")
    response = await door.send("Deposit", account_id="ada", amount="50")

    body = response.json()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["twofold-token"] == body.pop("token")
    assert body == {
        "stream": "Account-ada",
        "version": 2,
        "position": 2,
        "events": [{"type": "MoneyDeposited", "version": 2, "position": 2}],
    }


async def test_a_command_without_events_answers_with_the_heads_token(door: Door):
    opening = await door.send("OpenAccount", account_id="ada")
    response = await door.send("Look", account_id="ada")

    body = response.json()
    assert response.status_code == 200
    assert (body["stream"], body["version"], body["events"]) == ("Account-ada", 1, [])
    assert body["token"] == opening.json()["token"]


async def test_a_command_on_several_streams_lists_its_writes(door: Door):
    await door.send("OpenAccount", account_id="a")
    await door.send("OpenAccount", account_id="b")
    response = await door.send("Transfer", source="a", target="b", amount="1.50")

    body = response.json()
    assert (body["stream"], body["version"]) == (None, None)
    assert body["writes"] == [{"stream": "Account-a", "version": 2}, {"stream": "Account-b", "version": 2}]
    assert [event["position"] for event in body["events"]] == [3, 4]


async def test_an_invalid_command_lists_every_fault_with_its_path(door: Door):
    response = await door.client.post("/commands/Deposit", json={"account_id": 7, "amount": "NaN", "extra": 1})

    body = response.json()
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert body["code"] == "invalid"
    assert {fault["path"] for fault in body["faults"]} == {"$.account_id", "$.amount", "$.extra"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"account_id":"a","account_id":"b","amount":"1"}', b"\xff", b'{"amount":NaN}',
     b"\xef\xbb\xbf{}", b'{"account_id":"\\u0000","amount":"1"}', b'{"account_id":"\\ud800","amount":"1"}',
     b"[" * 100_000, b'{"account_id":"a","amount":1e999999999}', b'{"account_id":"a","amount":' + b"9" * 5000 + b"}"],
)  # fmt: skip
async def test_a_malformed_body_is_400_and_changes_nothing(door: Door, body: bytes):
    response = await door.client.post("/commands/Deposit", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert response.json()["code"] in {"malformed", "invalid"}
    assert (await door.app.log.events.mark()).position == 0


async def test_a_broken_rule_is_422_with_its_code_and_details(door: Door):
    await door.send("OpenAccount", account_id="ada")
    response = await door.send("Deposit", account_id="ada", amount="-1")

    body = response.json()
    assert response.status_code == 422
    assert body["code"] == "amount-not-positive"
    assert body["detail"] == "Deposit amount must be positive"
    assert body["details"] == {"amount": "-1"}


async def test_starting_a_stream_twice_is_409_and_using_none_is_404(door: Door):
    await door.send("OpenAccount", account_id="ada")

    again = await door.send("OpenAccount", account_id="ada")
    missing = await door.send("Deposit", account_id="bob", amount="1")

    assert (again.status_code, again.json()["code"]) == (409, "already-exists")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


async def test_if_match_lets_only_that_version_through(door: Door):
    await door.send("OpenAccount", account_id="ada")

    right = await door.send("Deposit", {"If-Match": '"1"'}, account_id="ada", amount="1")
    wrong = await door.send("Deposit", {"If-Match": '"1"'}, account_id="ada", amount="1")

    assert right.status_code == 200
    assert wrong.status_code == 412
    assert wrong.json()["code"] == "precondition-failed"
    assert (wrong.json()["expected"], wrong.json()["actual"]) == (1, 2)


@pytest.mark.parametrize("value", ["*", "1", '"v1"', '"-1"', '"1", "2"', 'W/"1"', '""', '"99999999999999999999"'])
async def test_an_if_match_that_is_no_version_is_400(door: Door, value: str):
    response = await door.send("OpenAccount", {"If-Match": value}, account_id="ada")

    assert response.status_code == 400
    assert "If-Match" in response.json()["detail"]
    assert (await door.app.log.events.mark()).position == 0


async def test_the_same_key_is_answered_with_the_first_outcome_again(door: Door):
    await door.send("OpenAccount", account_id="ada")
    key = {"Idempotency-Key": "k1"}

    first = await door.send("Deposit", key, account_id="ada", amount="5")
    again = await door.send("Deposit", {**key, "If-Match": '"99"'}, account_id="ada", amount="5")

    assert again.status_code == 200
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_key_repeats_a_rejection(door: Door):
    await door.send("OpenAccount", account_id="ada")
    key = {"Idempotency-Key": "k1"}

    first = await door.send("Deposit", key, account_id="ada", amount="-5")
    again = await door.send("Deposit", key, account_id="ada", amount="-5")

    assert again.status_code == 422
    assert again.json() == first.json()


async def test_the_same_key_for_another_payload_is_422(door: Door):
    await door.send("OpenAccount", account_id="ada")
    key = {"Idempotency-Key": "k1"}
    await door.send("Deposit", key, account_id="ada", amount="5")
    response = await door.send("Deposit", key, account_id="ada", amount="6")

    assert (response.status_code, response.json()["code"]) == (422, "key-reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_an_idempotency_key_that_is_no_key_is_400(door: Door, key: str):
    response = await door.send("OpenAccount", {"Idempotency-Key": key}, account_id="ada")

    assert response.status_code == 400


async def test_a_copy_of_a_command_in_flight_is_409_with_retry_after_as_long_as_it_cares_to_wait():
    held = Held()
    async with opened(app=bank(held)) as door:
        await door.send("OpenAccount", account_id="ada")
        key = {"Idempotency-Key": "k1", "Prefer": "wait=0"}
        first = asyncio.ensure_future(door.send("Hold", key, account_id="ada"))
        await held.arrived.wait()

        copy = await door.send("Hold", key, account_id="ada")
        held.go_on.set()

        assert (copy.status_code, copy.json()["code"]) == (409, "key-in-flight")
        assert copy.headers["retry-after"] == "1"
        assert (await first).status_code == 200


async def test_an_unknown_command_is_404_and_names_the_known_ones(door: Door):
    response = await door.send("Nope")

    assert (response.status_code, response.json()["code"]) == (404, "unknown-name")
    assert "OpenAccount" in response.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {},
     {"Content-Type": "application/json", "Content-Encoding": "gzip"},
     {"Content-Type": "application/json; charset=latin-1"}],
)  # fmt: skip
async def test_a_body_that_is_not_plain_json_is_415(door: Door, headers: dict[str, str]):
    response = await door.client.post("/commands/OpenAccount", content=b'{"account_id":"a"}', headers=headers)

    assert response.status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
async def test_json_may_say_that_it_is_utf_8(door: Door, kind: str):
    content = json.dumps({"account_id": "ä"}, ensure_ascii=False).encode()
    response = await door.client.post("/commands/OpenAccount", content=content, headers={"Content-Type": kind})

    assert response.status_code == 200
    assert response.json()["stream"] == "Account-ä"


async def test_waiting_for_a_view_answers_once_it_has_seen_the_command(door: Door):
    response = await door.send("OpenAccount", {"Twofold-Wait-For": "AccountPage, DayCount"}, account_id="ada")
    row = await door.get("/views/AccountPage/ada")

    assert response.status_code == 200
    assert "twofold-stale" not in response.headers
    assert row.status_code == 200


async def test_waiting_in_vain_still_answers_200_and_says_that_the_view_is_behind(still: Door):
    headers = {"Twofold-Wait-For": "AccountPage", "Prefer": "wait=0"}
    response = await still.send("OpenAccount", headers, account_id="ada")

    assert response.status_code == 200
    assert response.headers["twofold-stale"] == "true"
    assert (await still.app.log.events.mark()).position == 1


async def test_waiting_for_an_unknown_view_is_404_before_anything_is_done(door: Door):
    response = await door.send("OpenAccount", {"Twofold-Wait-For": "Nope"}, account_id="ada")

    assert response.status_code == 404
    assert (await door.app.log.events.mark()).position == 0


async def test_a_queued_command_is_202_and_its_outcome_can_be_read_where_location_says(still: Door):
    await still.send("OpenAccount", account_id="ada")
    response = await still.send("Deposit", {"Prefer": "respond-async"}, account_id="ada", amount="5")
    place = response.headers["location"]
    before = (await still.get(place)).json()
    await still.app.run_until_idle()
    after = (await still.get(place)).json()

    assert response.status_code == 202
    assert place == f"/commands/log/{response.json()['id']}"
    assert before["status"] == "queued"
    assert (after["status"], after["command"], after["version"]) == ("accepted", "Deposit", 2)


async def test_the_log_of_commands_is_newest_first_in_pages_and_filtered(door: Door):
    await door.send("OpenAccount", account_id="ada")
    await door.send("Deposit", account_id="ada", amount="-1")
    await door.send("Deposit", account_id="ada", amount="1")

    page = (await door.get("/commands/log?limit=2")).json()
    rest = (await door.get(f"/commands/log?limit=2&cursor={page['next']}")).json()
    rejected = (await door.get("/commands/log?status=rejected&command=Deposit")).json()

    assert [item["status"] for item in page["items"]] == ["accepted", "rejected"]
    assert [item["command"] for item in rest["items"]] == ["OpenAccount"]
    assert rest["next"] is None
    assert [item["code"] for item in rejected["items"]] == ["amount-not-positive"]


async def test_a_wrong_search_of_the_log_lists_every_fault(door: Door):
    response = await door.get("/commands/log?limit=0&status=x&cursor=y&foo=1&command=a&command=b")

    assert response.status_code == 400
    assert {fault["path"] for fault in response.json()["faults"]} == {"limit", "status", "cursor", "foo", "command"}


@pytest.mark.parametrize("name", ["nope", "018f5f4e-0000-7000-8000-000000000000", "%00", "a%2Fb"])
async def test_an_unknown_log_entry_is_a_refusal_not_a_crash(door: Door, name: str):
    response = await door.get(f"/commands/log/{name}")

    assert response.status_code in {400, 404}


async def test_a_body_past_the_limit_is_413():
    async with opened(settings=HttpSettings(body_limit=100)) as door:
        response = await door.send("OpenAccount", account_id="a" * 101)

        assert (response.status_code, response.json()["code"]) == (413, "too-large")


async def test_a_bug_in_a_handler_is_500_with_a_trace_id_and_nothing_else(door: Door, caplog: pytest.LogCaptureFixture):
    await door.send("OpenAccount", account_id="ada")
    response = await door.send("Break", account_id="ada")

    body = response.json()
    assert response.status_code == 500
    assert set(body) == {"type", "title", "status", "code", "detail", "trace_id"}
    assert "vault" not in response.text
    assert body["trace_id"] in caplog.text


async def test_a_trace_id_is_the_callers_own_when_it_brought_one(door: Door):
    await door.send("OpenAccount", account_id="ada")
    trace = "0af7651916cd43dd8448eb211c80319c"
    response = await door.send("Break", {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}, account_id="ada")

    assert response.json()["trace_id"] == trace


async def test_a_principal_that_may_not_is_403_and_one_that_may_is_answered(door: Door):
    async def authenticate(headers: object) -> Context:
        return Context(principal="boss")

    await door.send("OpenAccount", account_id="ada")
    refused = await door.send("Secret", account_id="ada")
    async with opened(authenticate=authenticate) as trusted:
        await trusted.send("OpenAccount", account_id="ada")
        granted = await trusted.send("Secret", account_id="ada")

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert granted.status_code == 200


async def test_an_own_route_fills_fields_from_the_path(door: Door):
    await door.send("OpenAccount", account_id="a/b ü")
    response = await door.client.post("/accounts/a%2Fb%20%C3%BC/deposits", json={"amount": "5"})
    without_body = await door.client.request(
        "DELETE", "/accounts/a%2Fb%20%C3%BC", headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 200
    assert response.json()["stream"] == "Account-a/b ü"
    assert (without_body.status_code, without_body.json()["code"]) == (422, "cannot-close")


async def test_a_field_may_not_come_by_path_and_by_body(door: Door):
    response = await door.client.post("/accounts/a/deposits", json={"account_id": "b", "amount": "5"})

    assert response.status_code == 400
    assert "$.account_id" in {fault["path"] for fault in response.json()["faults"]}
