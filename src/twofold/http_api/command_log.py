"""The log of commands over HTTP: what came of one, and of the latest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from twofold.errors import Fault, InvalidMessageError, UnknownNameError
from twofold.event_store.outcome import RecordedOutcome, Status
from twofold.http_api.door import Door
from twofold.http_api.filters import LIMIT_DEFAULT, read_limit
from twofold.http_api.percent import decode_part, decode_query
from twofold.http_api.receipts import encode, outcome_body
from twofold.http_api.request import Request
from twofold.http_api.response import Response, json_response
from twofold.messages.metadata import decode_origin, id_bytes
from twofold.pipeline.context import Context
from twofold.write.queue_processor import QueuedContext

_NUMBER_DIGITS = 18


class CommandLog:
    """`GET /commands/log` and `GET /commands/log/{id}`. A caller sees the commands of its own tenant."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def one(self, request: Request) -> Response:
        """What came of one command, or that it is still queued."""
        context = await self._door.context(request)
        command_id = decode_part(request.parts[0])
        status = await self._door.app.command_status(command_id)
        if status.outcome is not None:
            _require_tenant(_tenant_of(status.outcome), context, command_id)
            return json_response(encode(outcome_body(status.outcome, self._door.app.log.events.epoch)))
        queued = await self._door.app.log.queue.get(id_bytes(command_id))
        if queued is not None:
            kept = msgspec.json.decode(queued.context, type=QueuedContext)
            _require_tenant(kept.tenant, context, command_id)
        return json_response(encode({"id": command_id, "command": status.command, "status": "queued"}))

    async def recent(self, request: Request) -> Response:
        """The latest commands, newest first: filtered by `status` and `command`, page by page."""
        context = await self._door.context(request)
        search = read_log_search(decode_query(request.query_string))
        found = await self._door.app.log.outcomes.recent(
            before=search.before, limit=search.limit + 1, status=search.status, command=search.command
        )
        page = found[: search.limit]
        following = str(page[-1].number) if len(found) > search.limit else None
        tenant, epoch = context and context.tenant, self._door.app.log.events.epoch
        items = [outcome_body(each, epoch) for each in page if _tenant_of(each) == tenant]
        return json_response(encode({"items": items, "next": following}))


class LogSearch(NamedTuple):
    """Which outcomes are wanted."""

    status: int | None
    command: str | None
    limit: int
    before: int | None


def read_log_search(given: Mapping[str, Sequence[str]]) -> LogSearch:
    """The search in the parameters *given*. Raises InvalidMessageError with every fault."""
    faults: list[Fault] = []
    values: dict[str, Any] = {"status": None, "command": None, "limit": LIMIT_DEFAULT, "cursor": None}
    for name, texts in given.items():
        try:
            values[name] = _read(name, texts)
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    if faults:
        raise InvalidMessageError("the log of commands", faults)
    return LogSearch(values["status"], values["command"], values["limit"], values["cursor"])


def _status(text: str) -> int:
    known = {"accepted": Status.ACCEPTED, "rejected": Status.REJECTED}
    if text not in known:
        raise ValueError("must be accepted or rejected")
    return known[text]


def _read(name: str, texts: Sequence[str]) -> Any:
    if name not in _READERS:
        raise ValueError(f"unknown parameter; there are: {', '.join(_READERS)}")
    if len(texts) > 1:
        raise ValueError("was given more than once")
    return _READERS[name](texts[0])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS):
        raise ValueError("the cursor was not made by twofold")
    return int(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "status": _status,
    "command": str,
    "limit": read_limit,
    "cursor": _number,
}


def _tenant_of(recorded: RecordedOutcome) -> str | None:
    return decode_origin(recorded.outcome.origin).tenant


def _require_tenant(tenant: str | None, context: Context | None, command_id: str) -> None:
    """Another tenant's command is not there, for all this caller can tell."""
    if tenant != (context.tenant if context is not None else None):
        raise UnknownNameError("command log entry", command_id)
