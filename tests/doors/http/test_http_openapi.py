"""The OpenAPI document: valid, complete, and true."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.http.conftest import Door

validation = pytest.importorskip("openapi_spec_validator")


@pytest.fixture
async def document(door: Door) -> dict[str, Any]:
    response = await door.get("/openapi.json")
    found: dict[str, Any] = response.json()
    return found


async def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]):
    validation.validate(document)

    assert document["openapi"] == "3.1.0"


async def test_a_planted_bug_is_found_by_the_validation(document: dict[str, Any]):
    document["paths"]["/commands/Deposit"]["post"]["parameters"][0].pop("in")

    with pytest.raises(Exception, match="in"):
        validation.validate(document)


async def test_it_has_every_operation(document: dict[str, Any]):
    operations = {f"{method.upper()} {path}" for path, each in document["paths"].items() for method in each}

    assert {
        "POST /commands/OpenAccount",
        "POST /commands/Transfer",
        "POST /accounts/{account_id}/deposits",
        "DELETE /accounts/{account_id}",
        "GET /queries/Richest",
        "GET /richest/{at_least}",
        "GET /views/AccountPage",
        "GET /views/AccountPage/{key}",
        "GET /views/DayCount/{key}",
        "GET /commands/log",
        "GET /commands/log/{id}",
    } <= operations


async def test_operations_have_ids_of_their_own(document: dict[str, Any]):
    ids = [operation["operationId"] for each in document["paths"].values() for operation in each.values()]

    assert len(set(ids)) == len(ids)


async def test_a_command_says_its_body_headers_and_problems(document: dict[str, Any]):
    operation = document["paths"]["/commands/OpenAccount"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][body["$ref"].split("/")[-1]]

    assert operation["summary"] == "Open an account."
    assert schema["required"] == ["account_id"]
    assert {each["name"] for each in operation["parameters"]} >= {"Idempotency-Key", "If-Match", "Prefer"}
    assert {"200", "202", "400", "404", "409", "412", "413", "415", "422", "503"} <= set(operation["responses"])


async def test_a_view_lists_the_filters_that_it_takes(door: Door, document: dict[str, Any]):
    parameters = document["paths"]["/views/SamplePage"]["get"]["parameters"]
    names = [each["name"] for each in parameters if each["in"] == "query"]

    assert {"count", "count__gte", "note__contains", "tags__isnull", "sort", "limit", "cursor"} <= set(names)
    assert {"count__contains", "tags", "tags__gt"}.isdisjoint(names)
    for name in set(names) - {"sort"}:
        response = await door.get(f"/views/SamplePage?{name}=x")
        assert "unknown" not in response.text
        assert "cannot be compared" not in response.text


async def test_a_routes_path_parameters_are_typed_by_the_fields(document: dict[str, Any]):
    (parameter,) = [
        each for each in document["paths"]["/richest/{at_least}"]["get"]["parameters"] if each["in"] == "path"
    ]

    assert (parameter["name"], parameter["required"]) == ("at_least", True)
    assert parameter["schema"]["format"] == "decimal"
