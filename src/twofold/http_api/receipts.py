"""Receipts and outcomes as JSON answers."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.clock import to_datetime
from twofold.event_store.outcome import RecordedOutcome, Status
from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import encode_token
from twofold.messages.metadata import id_text
from twofold.write.receipt import Receipt

encode = msgspec.json.Encoder().encode


def receipt_json(receipt: Receipt, token: str) -> bytes:
    """*receipt* as the body of an answer; `writes` is there when it was not one stream."""
    writes = receipt.writes
    stream, version = writes[0] if len(writes) == 1 else (None, None)
    body: dict[str, Any] = {
        "stream": stream,
        "version": version,
        "position": receipt.position,
        "events": [{"type": name, "version": at, "position": position} for name, at, position in receipt.events],
        "token": token,
    }
    if len(writes) != 1:
        body["writes"] = [{"stream": stream, "version": version} for stream, version in writes]
    return encode(body)


def outcome_body(recorded: RecordedOutcome, epoch: str) -> dict[str, Any]:
    """What came of a command, as the log of commands answers it."""
    outcome = recorded.outcome
    accepted = outcome.status == Status.ACCEPTED
    body: dict[str, Any] = {
        "id": id_text(outcome.message_id),
        "command": outcome.command,
        "status": "accepted" if accepted else "rejected",
        "stream": outcome.stream,
        "version": recorded.version if outcome.stream is not None else None,
        "position": recorded.position,
        "events": recorded.events,
        "token": encode_token(Mark(epoch, recorded.position, recorded.check)),
        "recorded_at": to_datetime(recorded.recorded_at),
    }
    if not accepted:
        body |= {"code": outcome.code, "detail": outcome.message}
        body["details"] = msgspec.json.decode(outcome.details) if outcome.details else {}
    return body
