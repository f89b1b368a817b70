"""An answer: status, headers and bytes, sent in two ASGI messages."""

from __future__ import annotations

from typing import Protocol

from twofold.http_api.refusals import Header
from twofold.http_api.request import Receive, Send

JSON: Header = (b"content-type", b"application/json")
PROBLEM: Header = (b"content-type", b"application/problem+json")
NO_STORE: Header = (b"cache-control", b"no-store")
NO_SNIFF: Header = (b"x-content-type-options", b"nosniff")


class Answerable(Protocol):
    """What an endpoint returns: something that can put itself on the wire."""

    async def answer(self, receive: Receive, send: Send, *, head: bool) -> None:
        """Send status, headers and body; with *head* no body."""


class Response:
    """A complete answer. `headers` have no content-length yet; it is added from the body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[Header], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def answer(self, receive: Receive, send: Send, *, head: bool) -> None:  # noqa: ARG002 - the protocol's
        """Send the answer; for HEAD only its headers, with the length that the body would have."""
        headers = self.headers
        headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})


def json_response(body: bytes, token: str | None = None, *, stale: bool = False, status: int = 200) -> Response:
    """*body* (JSON bytes) as an answer that no cache keeps, with the token it is as of."""
    headers: list[Header] = [JSON, NO_STORE]
    if token is not None:
        headers.append((b"twofold-token", token.encode()))
    if stale:
        headers.append((b"twofold-stale", b"true"))
    return Response(status, headers, body)
