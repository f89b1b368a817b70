"""Commands over HTTP: sent and answered, or queued."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twofold.errors import NotFreshError
from twofold.http_api.door import Door
from twofold.http_api.preferences import CommandWishes, command_wishes
from twofold.http_api.receipts import encode, receipt_json
from twofold.http_api.refusals import MediaTypeError
from twofold.http_api.request import Request
from twofold.http_api.response import Response, json_response
from twofold.pipeline.context import Context
from twofold.write.receipt import Receipt

Read = Callable[[Request, bytes], Any]


class CommandEndpoint:
    """`POST /commands/{Name}`, or a command's own route.

    Args:
        door: the door it is an endpoint of.
        read: from the request and its body to the command.
    """

    def __init__(self, door: Door, read: Read) -> None:
        self._door = door
        self._read = read

    async def __call__(self, request: Request) -> Response:
        """Send the command and answer with its receipt, or queue it."""
        door = self._door
        context = await door.context(request) if door.knows_more(request) else None
        require_json(request)
        asked = command_wishes(request)
        if asked.views:
            door.app.reads.view_names(asked.views)
        command = self._read(request, await request.body())
        if asked.respond_async and asked.version is None:
            return await self._queued(request, command, asked.key, context)
        receipt = await door.app.send(
            command, key=asked.key, expected_version=asked.version, context=context, wait=asked.wait
        )
        token = receipt.token
        stale = bool(asked.views) and not await self._followed(asked, receipt)
        response = json_response(receipt_json(receipt, token), token, stale=stale)
        if receipt.replayed:
            response.headers.append((b"idempotent-replayed", b"true"))
        return response

    async def _followed(self, asked: CommandWishes, receipt: Receipt) -> bool:
        """Whether the views have reached the command in time; it is done in any case."""
        try:
            await self._door.app.reads.wait_for(asked.views, receipt.token, asked.wait, missing=receipt.first)
        except NotFreshError:
            return False
        return True

    async def _queued(self, request: Request, command: Any, key: str | None, context: Context | None) -> Response:
        command_id = await self._door.app.submit(command, key=key, context=context)
        response = json_response(encode({"id": command_id, "status": "queued"}), status=202)
        response.headers.append((b"location", f"{request.root}/commands/log/{command_id}".encode()))
        response.headers.append((b"preference-applied", b"respond-async"))
        return response


def require_json(request: Request) -> None:
    """Raise MediaTypeError unless the body is plain `application/json` in UTF-8."""
    headers = request.headers
    kind = headers.get(b"content-type", b"")
    if kind != b"application/json" and not _is_json(kind):
        raise MediaTypeError("the body must be sent as Content-Type: application/json")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise MediaTypeError("the body must be sent without Content-Encoding")


def _is_json(kind: bytes) -> bool:
    media, _, parameters = kind.lower().partition(b";")
    charset = parameters.strip().replace(b'"', b"").replace(b" ", b"")
    return media.strip() == b"application/json" and charset in (b"", b"charset=utf-8", b"charset=utf8")
