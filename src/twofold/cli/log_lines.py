"""The lines of an exported log, as JSON.

An event's line is what `events show` prints. Data that is no single line of JSON, and an origin that twofold would
write otherwise, stand in it in base64.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

FORMAT = 1


class LogLine(Struct, frozen=True, kw_only=True):
    """The first line of a whole log: whose it is, and behind which event it begins."""

    format: int
    epoch: str
    after: int
    check: str


class EndLine(Struct, frozen=True, kw_only=True):
    """The last line of a whole log: how much there was."""

    head: int
    events: int
    outcomes: int
    queued: int


class OutcomeLine(Struct, frozen=True, gc=False, kw_only=True):
    """What came of a command. `duration` is microseconds; bytes are in base64."""

    number: int
    recorded_at: str
    message_id: str
    command: str
    status: int
    stream: str | None
    version: int
    position: int
    events: int
    duration: int
    check: str
    correlation_id: str
    actor: str | None
    tenant: str | None
    trace: str | None
    origin_base64: bytes | UnsetType = UNSET
    key: str | None = None
    scope: str = ""
    payload_hash: bytes = b""
    code: str | None = None
    message: str | None = None
    details: bytes | None = None


class QueuedLine(Struct, frozen=True, gc=False, kw_only=True):
    """A command that waits for a worker."""

    message_id: str
    command: str
    data: bytes
    context: bytes


class Line(Struct, gc=False, kw_only=True):
    """Any line: one of the first four, or an event."""

    log: LogLine | UnsetType = UNSET
    outcome: OutcomeLine | UnsetType = UNSET
    queued: QueuedLine | UnsetType = UNSET
    end: EndLine | UnsetType = UNSET
    position: int | UnsetType = UNSET
    recorded_at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    stream: str = ""
    version: int = 0
    type: str = ""
    schema_version: int = 0
    message_id: str = ""
    causation_id: str = ""
    correlation_id: str = ""
    actor: str | None = None
    tenant: str | None = None
    trace: str | None = None
    origin_base64: bytes | UnsetType = UNSET
    data: Raw = Raw(b"")
    data_base64: bytes | UnsetType = UNSET


class EventLine(Struct, frozen=True, gc=False):
    """An event; `data` is null where `data_base64` is."""

    position: int
    recorded_at: str
    stream: str
    version: int
    type: str
    schema_version: int
    message_id: str
    causation_id: str
    correlation_id: str
    actor: str | None
    tenant: str | None
    trace: str | None
    data: Raw | None
    data_base64: bytes | UnsetType
    origin_base64: bytes | UnsetType
