"""The one table of errors and statuses, and what a problem document tells."""

from typing import Any

import pytest

from tests.doors.http.bank import bank
from tests.doors.http.conftest import opened
from twofold import Rejected, TwofoldError, errors
from twofold.errors import Fault
from twofold.http_api.problems import status_of

RAISED = [
    (Rejected("out-of-stock", "Nothing left", left=0), 422, {"details": {"left": 0}}),
    (errors.VersionConflictError("Account-a", 3, 4), 409, {"stream": "Account-a", "expected": 3, "actual": 4}),
    (errors.InvalidMessageError("X", [Fault("$.a", "bad")]), 400, {"faults": [{"path": "$.a", "message": "bad"}]}),
    (errors.ColumnUnknownError("AccountPage", "x", ("a", "b")), 400, {"fields": ["a", "b"]}),
    (errors.NotFreshError("AccountPage", 1, 2, "secret"), 503, {"reached": 1, "wanted": 2, "retry": "later"}),
    (errors.StoreUnavailableError("/var/secret/shop.db: SQLITE_FULL"), 503, {"retry": "later"}),
    (errors.ForbiddenError("no"), 403, {"detail": "no"}),
    (errors.UnauthenticatedError("who?"), 401, {"detail": "who?"}),
    (errors.MisuseError("secret"), 500, {"code": "internal"}),
    (errors.FoldError("secret"), 500, {"code": "internal"}),
    (ValueError("secret"), 500, {"code": "internal"}),
    (Rejected("\ud800", "\ud800", **{"\ud800": object}), 422, {"status": 422}),
]


@pytest.mark.parametrize(("error", "status", "told"), RAISED, ids=lambda each: type(each).__name__)
async def test_an_error_is_a_problem_document_that_tells_no_secret(error: Exception, status: int, told: dict[str, Any]):
    async def failing(message: Any, context: Any, call_next: Any) -> Any:
        raise error

    async with opened(app=bank(middleware=[failing])) as door:
        response = await door.send("OpenAccount", account_id="ada")

    body = response.json()
    assert response.status_code == body["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert {name: body[name] for name in told} == told
    assert "secret" not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


def _kinds(kind: type[TwofoldError]) -> list[type[TwofoldError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]


EXPECTED = {
    "Rejected": 422, "AlreadyExistsError": 409, "StreamNotFoundError": 404, "InvalidMessageError": 400,
    "MalformedError": 400, "TooLargeError": 413, "TokenUnknownError": 400, "ColumnUnknownError": 400,
    "KeyReusedError": 422, "UnauthenticatedError": 401, "ForbiddenError": 403, "UnknownNameError": 404,
    "RowNotFoundError": 404, "VersionConflictError": 409, "PreconditionFailedError": 412, "KeyInFlightError": 409,
    "StoreUnavailableError": 503, "NotFreshError": 503, "ClosedError": 503, "MisuseError": 500, "WiringError": 500,
    "NestedSendError": 500, "UnreadableError": 500, "FoldError": 500,
}  # fmt: skip


def test_every_error_has_its_status():
    known = {kind.__name__: kind for kind in _kinds(TwofoldError)}
    assert {name: status_of(known[name].__new__(known[name])) for name in EXPECTED} == EXPECTED


def test_no_error_of_twofold_is_without_a_family():
    mine = [kind for kind in _kinds(TwofoldError) if kind.__module__ == errors.__name__]
    assert {status_of(kind.__new__(kind)) for kind in mine} <= {400, 401, 403, 404, 409, 412, 413, 422, 500, 503}
