"""Errors as RFC 9457 problem documents. One table says which family of errors answers with which status."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from twofold.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InputError,
    InvalidMessageError,
    KeyInFlightError,
    KeyReusedError,
    NotFoundError,
    NotFreshError,
    PreconditionFailedError,
    Rejected,
    StoreUnavailableError,
    StreamNotFoundError,
    TooLargeError,
    TwofoldError,
    UnauthenticatedError,
    UnavailableError,
)
from twofold.http_api.refusals import Header, HttpRefusalError
from twofold.http_api.response import NO_SNIFF, NO_STORE, PROBLEM, Response

STATUSES: Mapping[type[TwofoldError], int] = {
    Rejected: 422,
    AlreadyExistsError: 409,
    StreamNotFoundError: 404,
    InputError: 400,
    TooLargeError: 413,
    KeyReusedError: 422,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    PreconditionFailedError: 412,
    UnavailableError: 503,
    TwofoldError: 500,
}
"""The nearest family in an error's line of descent counts. What is not in a family below 500 is a bug or a
misconfiguration on this side, and tells the caller nothing but where to look it up in the log."""

HEADERS: Mapping[type[TwofoldError], tuple[Header, ...]] = {
    UnauthenticatedError: ((b"www-authenticate", b"Bearer"),),
    UnavailableError: ((b"retry-after", b"1"),),
    KeyInFlightError: ((b"retry-after", b"1"),),
}

_log = logging.getLogger("twofold.http")
_encoder = msgspec.json.Encoder(enc_hook=repr)


def status_of(error: TwofoldError) -> int:
    """The HTTP status that *error* answers with."""
    if isinstance(error, HttpRefusalError):
        return error.status
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: Exception, trace: str | None = None) -> Response:
    """*error* as an answer. One that is no fault of the caller is logged and answered with its trace id alone."""
    if isinstance(error, TwofoldError):
        status = status_of(error)
        if status != HTTPStatus.INTERNAL_SERVER_ERROR:
            return problem(status, error.code, _detail(error), headers=_headers(error), **_extensions(error))
    trace_id = trace or secrets.token_hex(16)
    _log.error("unexpected error, answered as 500 with trace id %s", trace_id, exc_info=error)
    return problem(500, "internal", "An unexpected error; the log has it under this trace id.", trace_id=trace_id)


def problem(status: int, code: str, detail: str, *, headers: tuple[Header, ...] = (), **extensions: Any) -> Response:
    """A problem document. *extensions* are further members; those that are None are left out."""
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    document |= {name: value for name, value in extensions.items() if value is not None}
    token = extensions.get("token")
    known: list[Header] = [PROBLEM, NO_STORE, NO_SNIFF, *headers]
    if token is not None:
        known.append((b"twofold-token", token.encode("latin-1")))
    return Response(status, known, _encoder.encode(_encodable(document)))


def _detail(error: TwofoldError) -> str:
    """What people are told. Texts that name files, or quote what a database or a fold said, stay in the log."""
    if isinstance(error, Rejected):
        return error.message
    if isinstance(error, NotFreshError):
        _log.info("answered as not fresh: %s", error)
        text = f"{error.view} has reached position {error.reached}, not {error.wanted}"
        return text if error.parked_since is None else f"{text}: a row is parked since position {error.parked_since}"
    if isinstance(error, StoreUnavailableError):
        _log.warning("answered as unavailable: %s", error)
        return "the store does not answer; trying again later can help"
    return str(error)


def _headers(error: TwofoldError) -> tuple[Header, ...]:
    if isinstance(error, HttpRefusalError):
        return error.headers
    found = next((HEADERS[kind] for kind in type(error).__mro__ if kind in HEADERS), ())
    retry_after = getattr(error, "retry_after", None)
    if isinstance(retry_after, int | float):
        return ((b"retry-after", b"%d" % max(1, math.ceil(retry_after))),)
    return found


def _extensions(error: TwofoldError) -> dict[str, Any]:
    """What programs may read beside the code: the error's own data, never more than it declares."""
    extra: dict[str, Any] = {"token": getattr(error, "token", None), "retry": error.retry.value}
    if isinstance(error, InvalidMessageError):
        extra["faults"] = [{"path": fault.path, "message": fault.message} for fault in error.faults]
    if isinstance(error, Rejected) and error.details:
        extra["details"] = dict(error.details)
    for name in ("stream", "expected", "actual", "view", "reached", "wanted", "fields", "events", "limit"):
        extra.setdefault(name, getattr(error, name, None))
    return extra


def _encodable(document: dict[str, Any]) -> dict[str, Any]:
    """The document with text that UTF-8 cannot carry (lone surrogates) replaced."""
    return {name: _clean(value) for name, value in document.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {str(_clean(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
