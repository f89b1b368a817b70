"""Events and outcomes of commands as rows to print."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.clock import to_datetime
from twofold.event_store.outcome import RecordedOutcome, Status
from twofold.event_store.recorded_event import RecordedEvent
from twofold.messages.metadata import decode_origin, id_text

COLUMNS = ("position", "recorded_at", "stream", "version", "type", "data")


def event_row(event: RecordedEvent) -> dict[str, Any]:
    """*event* with everything the log holds; `data` is the JSON as it was stored."""
    return {
        "position": event.position,
        "recorded_at": moment_text(event.recorded_at),
        "stream": event.stream,
        "version": event.version,
        "type": event.type,
        "schema_version": event.schema_version,
        "message_id": id_text(event.message_id),
        "causation_id": id_text(event.causation_id),
        "correlation_id": id_text(event.correlation_id),
        **_origin(event.origin),
        "data": msgspec.Raw(event.data),
    }


def event_line(event: RecordedEvent) -> str:
    """*event* as one line for people."""
    where = f"{event.position:>8}  {moment_text(event.recorded_at)}  {event.stream}@{event.version}"
    return f"{where}  {event.type}  {event.data.decode()}"


def outcome_row(recorded: RecordedOutcome) -> dict[str, Any]:
    """What came of a command; `duration_ms` is milliseconds from arrival to hand-over."""
    outcome = recorded.outcome
    return {
        "number": recorded.number,
        "recorded_at": moment_text(recorded.recorded_at),
        "command": outcome.command,
        "status": Status(outcome.status).name.lower(),
        "code": outcome.code,
        "message": outcome.message,
        "stream": outcome.stream,
        "decided_on": outcome.decided_on,
        "version": recorded.version,
        "events": recorded.events,
        "position": recorded.position,
        "key": outcome.key,
        "message_id": id_text(outcome.message_id),
        "correlation_id": id_text(outcome.correlation_id),
        **_origin(outcome.origin),
        "duration_ms": outcome.duration / 1000,
    }


def moment_text(micros: int) -> str:
    """Microseconds since 1970 as ISO 8601 text in UTC."""
    return to_datetime(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _origin(data: bytes) -> dict[str, Any]:
    origin = decode_origin(data)
    return {"actor": origin.actor, "tenant": origin.tenant, "trace": origin.trace}
