"""What a log holds as lines of JSON, from which it can be made again byte for byte."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec import UNSET, Raw, UnsetType

from twofold.cli.event_rows import moment_text
from twofold.cli.log_lines import EndLine, EventLine, LogLine, OutcomeLine, QueuedLine
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import QueuedCommand
from twofold.messages.metadata import NO_ORIGIN, Origin, decode_origin, encode_origin

_encode = msgspec.json.Encoder().encode
_raw = msgspec.json.Decoder(Raw)


def line_of_event(event: RecordedEvent) -> bytes:
    """One event as a line, without its end."""
    origin, odd = _origin(event.origin)
    is_plain = _is_one_line_of_json(event.data)
    return _encode(
        EventLine(
            event.position,
            moment_text(event.recorded_at),
            event.stream,
            event.version,
            event.type,
            event.schema_version,
            _id_text(event.message_id),
            _id_text(event.causation_id),
            _id_text(event.correlation_id),
            origin.actor,
            origin.tenant,
            origin.trace,
            Raw(event.data) if is_plain else None,
            UNSET if is_plain else event.data,
            odd,
        )
    )


def line_of_outcome(recorded: RecordedOutcome) -> bytes:
    """One outcome as a line."""
    outcome = recorded.outcome
    origin, odd = _origin(outcome.origin)
    line = OutcomeLine(
        number=recorded.number, recorded_at=moment_text(recorded.recorded_at), message_id=_id_text(outcome.message_id),
        command=outcome.command, status=int(outcome.status), stream=outcome.stream, version=recorded.version,
        position=recorded.position, events=recorded.events, duration=outcome.duration, check=recorded.check.hex(),
        correlation_id=_id_text(outcome.correlation_id), actor=origin.actor, tenant=origin.tenant, trace=origin.trace,
        origin_base64=odd, key=outcome.key, scope=outcome.scope, payload_hash=outcome.payload_hash, code=outcome.code,
        message=outcome.message, details=outcome.details,
    )  # fmt: skip
    return _encode({"outcome": line})


def line_of_queued(queued: QueuedCommand) -> bytes:
    """One command that waits as a line."""
    line = QueuedLine(
        message_id=_id_text(queued.message_id), command=queued.command, data=queued.data, context=queued.context
    )
    return _encode({"queued": line})


def line_of_log(line: LogLine) -> bytes:
    """The first line."""
    return _encode({"log": line})


def line_of_end(line: EndLine) -> bytes:
    """The last line."""
    return _encode({"end": line})


@lru_cache(maxsize=1024)
def _origin(data: bytes) -> tuple[Origin, bytes | UnsetType]:
    """An origin's parts, and its bytes if they cannot be made of the parts again."""
    if data == NO_ORIGIN:
        return Origin(), UNSET
    try:
        origin = decode_origin(data)
    except msgspec.DecodeError:
        return Origin(), data
    return origin, UNSET if encode_origin(origin) == data else data


def _is_one_line_of_json(data: bytes) -> bool:
    try:
        return b"\n" not in data and b"\r" not in data and bytes(_raw.decode(data)) == data
    except msgspec.DecodeError:
        return False


def _id_text(message_id: bytes) -> str:
    text = message_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
