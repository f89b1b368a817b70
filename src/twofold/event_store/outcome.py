"""What came of a command: one record a command, written in the transaction of its events."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from twofold.messages.metadata import NO_ORIGIN

COPY = "copy"
"""The code of an accepted command that was a copy of another, whose id is then its correlation id."""


class Status(IntEnum):
    """How a command ended."""

    ACCEPTED = 1
    REJECTED = 2


class Outcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The outcome record as it is handed to the store.

    It is the idempotency record and the log of commands. `message_id` is the command's (16 bytes).
    `key` is the caller's idempotency key, or None; `scope` is the tenant and principal that the key belongs to.
    `payload_hash` (16 bytes) is only there with a key. `code`, `message` and `details` (JSON) say why a command
    was rejected; the code COPY, that it was a copy of the command whose id is `correlation_id`. `decided_on` is the
    stream version it was decided on. `duration` is microseconds from arrival to hand-over.
    """

    message_id: bytes
    command: str
    status: int
    correlation_id: bytes
    stream: str | None = None
    decided_on: int = 0
    key: str | None = None
    scope: str = ""
    payload_hash: bytes = b""
    code: str | None = None
    message: str | None = None
    details: bytes | None = None
    origin: bytes = NO_ORIGIN
    duration: int = 0


class RecordedOutcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An outcome as the store holds it: the record, and what the store added.

    `number` orders the outcomes that are there. `position` is the last position of the command's events, or the
    log's head when it had none; `first` is the first position of its events (0 when none); `events` is how many
    there are: they stand one after another in the log. `version` is the stream's version afterwards when the write
    had one stream, and the outcome's `decided_on` is then the version before; else it is `decided_on` plus `events`.
    `check` is the check value at `position`.
    """

    number: int
    outcome: Outcome
    position: int
    first: int
    events: int
    version: int
    recorded_at: int
    check: bytes
