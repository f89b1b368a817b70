"""The one table of errors and statuses."""

from twofold import TwofoldError, errors
from twofold.http_api.problems import status_of


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
