"""Writes, as contract tests need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.clock import Ids, SystemClock
from twofold.event_store.outcome import Outcome, Status
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.store import EventStore
from twofold.event_store.write import Appended, StreamWrite, Write

_ids = Ids(SystemClock())
new_id = _ids.next
CAUSE = bytes(range(16))
CORRELATION = bytes(range(16, 32))
ORIGIN = b'{"actor":"ada"}'


def new_stream(category: str = "thing") -> str:
    """The name of a stream that nobody else uses."""
    return f"{category}-{new_id().hex()}"


def event(kind: str = "Happened", data: bytes = b"{}", schema_version: int = 1) -> NewEvent:
    """An event that is about to happen, with an id of its own."""
    return NewEvent(kind, schema_version, data, new_id())


def part(stream: str, expected: int, count: int = 1, kind: str = "Happened") -> StreamWrite:
    """*count* events for one stream."""
    return StreamWrite(stream, expected, tuple(event(kind) for _ in range(count)))


def write(
    *parts: StreamWrite,
    outcome: Outcome | None = None,
    builds_on: tuple[int, ...] = (),
    recorded_at: int | None = None,
) -> Write:
    """A write over the streams of *parts*."""
    return Write(parts, outcome, CAUSE, CORRELATION, ORIGIN, builds_on, recorded_at)


def outcome(**fields: Any) -> Outcome:
    """What came of a command: accepted, unless *fields* says otherwise."""
    known: dict[str, Any] = {
        "message_id": new_id(),
        "command": "DoSomething",
        "status": Status.ACCEPTED,
        "correlation_id": CORRELATION,
    }
    return Outcome(**known | fields)


async def append(event_store: EventStore, *writes: Write) -> list[Appended]:
    """Append one batch in which no write may fail."""
    results = await event_store.append(writes)
    assert all(isinstance(result, Appended) for result in results), results
    return [result for result in results if isinstance(result, Appended)]


async def append_to(event_store: EventStore, stream: str, count: int, after: int = 0) -> Sequence[NewEvent]:
    """Append *count* events to a stream at version *after*; returns them."""
    appended = part(stream, after, count)
    await append(event_store, write(appended))
    return appended.events
