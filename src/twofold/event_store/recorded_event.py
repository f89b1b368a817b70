"""Events on their way into the log, and as they stand in it."""

from __future__ import annotations

import msgspec

from twofold.messages.metadata import NO_ORIGIN


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An encoded event that is about to be appended. `message_id` is 16 bytes, unique."""

    type: str
    schema_version: int
    data: bytes
    message_id: bytes


class RecordedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as the log holds it.

    `position` is its place in the log (from 1, increasing, gaps allowed), `version` its place in
    the stream (from 1, no gaps). `data` is the JSON as it was encoded. `recorded_at` is
    microseconds since 1970 and never goes backwards along positions. `origin` is JSON with actor,
    tenant and trace. Ids are 16 bytes.
    """

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    data: bytes
    message_id: bytes
    causation_id: bytes
    correlation_id: bytes
    recorded_at: int
    origin: bytes = NO_ORIGIN


class LogPage(msgspec.Struct, frozen=True, gc=False):
    """A piece of the log. Every matching event with a position in (asked, `reached`] is in `events`.

    `reached` moves over events that did not match, so a checkpoint may move there; a page without events may still
    move it. `at_head` is True when nothing of what was asked for lay beyond `reached` at the time of reading.
    """

    events: list[RecordedEvent]
    reached: int
    at_head: bool


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A place in one particular log: the store's epoch, a position, and a check value of the event there.

    The check is the last 8 bytes of that event's message id (zeros at position 0), so a log that was
    restored from a backup and grew again can be told from the one the mark was made on.
    """

    epoch: str
    position: int
    check: bytes


NO_CHECK = bytes(8)


def check_of(message_id: bytes) -> bytes:
    """The check value of an event: the last 8 bytes of its message id."""
    return message_id[8:]
