"""Lines of an exported log as what the log held."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from twofold.cli.log_lines import EndLine, Line, LogLine, OutcomeLine
from twofold.clock import to_micros
from twofold.errors import InputError
from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import QueuedCommand
from twofold.messages.metadata import NO_ORIGIN, Origin, encode_origin

Found = LogLine | EndLine | RecordedEvent | RecordedOutcome | QueuedCommand
_ID_BYTES = 16
_decoder = msgspec.json.Decoder(Line)


def read_line(line: bytes) -> Found:
    """What a line holds. Raises InputError when it is none that twofold wrote."""
    try:
        found = _decoder.decode(line)
        return _event(found, found.position) if found.position is not UNSET else _other(found)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(f"it is no line of an exported log ({error})") from error


def _event(line: Line, position: int) -> RecordedEvent:
    if line.recorded_at is UNSET or not line.type:
        raise ValueError("an event has no recorded_at or no type")
    return RecordedEvent(
        position,
        line.stream,
        line.version,
        line.type,
        line.schema_version,
        bytes(line.data) if line.data_base64 is UNSET else line.data_base64,
        _id(line.message_id),
        _id(line.causation_id),
        _id(line.correlation_id),
        to_micros(line.recorded_at),
        _origin_bytes(line.actor, line.tenant, line.trace, line.origin_base64),
    )


def _other(line: Line) -> Found:
    if line.outcome is not UNSET:
        return _outcome(line.outcome)
    if line.queued is not UNSET:
        queued = line.queued
        return QueuedCommand(0, _id(queued.message_id), queued.command, queued.data, queued.context, 0)
    if line.log is not UNSET:
        return line.log
    if line.end is not UNSET:
        return line.end
    raise ValueError("neither an event nor anything else of a log")


def _outcome(line: OutcomeLine) -> RecordedOutcome:
    outcome = Outcome(
        message_id=_id(line.message_id), command=line.command, status=line.status, stream=line.stream,
        correlation_id=_id(line.correlation_id), decided_on=line.version - line.events, key=line.key, scope=line.scope,
        payload_hash=line.payload_hash, code=line.code, message=line.message, details=line.details,
        origin=_origin_bytes(line.actor, line.tenant, line.trace, line.origin_base64), duration=line.duration,
    )  # fmt: skip
    return RecordedOutcome(
        number=line.number, outcome=outcome, position=line.position,
        first=line.position - line.events + 1 if line.events else 0, events=line.events, version=line.version,
        recorded_at=to_micros(datetime.fromisoformat(line.recorded_at)), check=bytes.fromhex(line.check),
    )  # fmt: skip


def _origin_bytes(actor: str | None, tenant: str | None, trace: str | None, odd: bytes | UnsetType) -> bytes:
    if odd is not UNSET:
        return odd
    return NO_ORIGIN if actor is tenant is trace is None else _encoded_origin(actor, tenant, trace)


@lru_cache(maxsize=1024)
def _encoded_origin(actor: str | None, tenant: str | None, trace: str | None) -> bytes:
    return encode_origin(Origin(actor=actor, tenant=tenant, trace=trace))


def _id(text: str) -> bytes:
    found = bytes.fromhex(text.replace("-", ""))
    if len(found) != _ID_BYTES:
        raise ValueError(f"{text!r} is no id")
    return found
