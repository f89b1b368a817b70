"""A request as the endpoints see it: headers, path parameters, and a body that is never read past its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from twofold.errors import MalformedError, TooLargeError
from twofold.http_api.refusals import BodyTooSlowError, ClientGoneError
from twofold.http_api.settings import HttpSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LIST_HEADERS = frozenset({b"accept", b"prefer", b"twofold-wait-for"})
_SINGLE_HEADERS = frozenset(
    {
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"last-event-id",
        b"traceparent",
        b"twofold-after",
        b"twofold-as-of",
    }
)


class Request:
    """One HTTP request. `parts` are the path's parameters, still percent-encoded; `method` is upper case."""

    __slots__ = ("headers", "method", "parts", "receive", "root", "scope", "settings")

    def __init__(self, scope: Scope, receive: Receive, settings: HttpSettings) -> None:
        self.scope = scope
        self.receive = receive
        self.settings = settings
        self.method: str = scope["method"]
        self.parts: tuple[str, ...] = ()
        self.root: str = scope.get("root_path", "")
        pairs = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(pairs)
        if len(self.headers) != len(pairs):
            self.headers = _merged(pairs)

    def text(self, name: bytes) -> str | None:
        """A header as text, or None. Raises MalformedError when it holds anything but visible ASCII and spaces."""
        value = self.headers.get(name)
        if value is None:
            return None
        text = value.decode("latin-1").strip(" \t")
        if not (text.isascii() and text.isprintable()):
            raise MalformedError(f"the header {name.decode()} holds characters that are not visible ASCII")
        return text

    @property
    def query_string(self) -> bytes:
        """What stands behind the question mark, as it was sent."""
        return self.scope.get("query_string", b"")  # type: ignore[no-any-return]

    async def body(self) -> bytes:
        """The whole body. Raises TooLargeError, BodyTooSlowError, ClientGoneError."""
        limit = self.settings.body_limit
        declared = self.headers.get(b"content-length")
        if declared is not None and _declared_length(declared) > limit:
            raise TooLargeError(f"the body is larger than {limit} bytes")
        message = await self.receive()
        chunk: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body", False) and len(chunk) <= limit:
            return chunk
        try:
            async with asyncio.timeout(self.settings.body_time):
                return await self._gather(message, limit)
        except TimeoutError as error:
            raise BodyTooSlowError(f"the body took longer than {self.settings.body_time} seconds") from error

    async def _gather(self, message: Message, limit: int) -> bytes:
        gathered = bytearray()
        while True:
            if message["type"] != "http.request":
                raise ClientGoneError
            gathered += message.get("body", b"")
            if len(gathered) > limit:
                raise TooLargeError(f"the body is larger than {limit} bytes")
            if not message.get("more_body", False):
                return bytes(gathered)
            message = await self.receive()


def _declared_length(value: bytes) -> int:
    if not value.isdigit():
        raise MalformedError("Content-Length is not a number")
    return int(value[:20])


def _merged(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers that came several times: lists are joined, of the others the first counts unless we depend on it."""
    merged: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name not in merged:
            merged[name] = value
        elif name in _LIST_HEADERS:
            merged[name] += b", " + value
        elif name in _SINGLE_HEADERS:
            raise MalformedError(f"the header {name.decode('latin-1')} was sent more than once")
    return merged
