"""Outcomes as rows, and rows as outcomes; which keys and message ids are known already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.recorded_event import NO_CHECK, check_of
from twofold.event_store.write import Appended, Replayed, Write
from twofold.messages.metadata import NO_ORIGIN

Known = dict[bytes | tuple[str, str], RecordedOutcome]


def outcome_row(
    outcome: Outcome, versions: tuple[int, ...], at: int, events: int, recorded_at: int | None
) -> tuple[Any, ...]:
    """The columns that `append` takes, in its order. *at* is the place of its last event in the batch."""
    keyed = outcome.key is not None
    return (
        outcome.message_id, outcome.command, int(outcome.status), outcome.stream,
        _version(outcome, versions, events), at, events, outcome.duration,
        outcome.correlation_id,
        None if outcome.origin == NO_ORIGIN else outcome.origin,
        outcome.scope if keyed else outcome.scope or None, outcome.key, outcome.payload_hash or None,
        outcome.code, outcome.message, outcome.details, recorded_at,
    )  # fmt: skip


def _version(outcome: Outcome, versions: tuple[int, ...], events: int) -> int:
    return versions[0] if len(versions) == 1 else outcome.decided_on + events


def recorded_outcome(number: int, outcome: Outcome, appended: Appended) -> RecordedOutcome:
    """The outcome as it will stand once the batch is in."""
    events = appended.position - appended.first + 1 if appended.first else 0
    version = _version(outcome, appended.versions, events)
    return RecordedOutcome(
        number=number, outcome=replace(outcome, decided_on=version - events), position=appended.position,
        first=appended.first, events=events, version=version, recorded_at=appended.recorded_at, check=appended.check,
    )  # fmt: skip


def replay_of(write: Write, known: Known) -> Replayed | None:
    """The first outcome of this write's command, if it has one."""
    outcome = write.outcome
    if outcome is None:
        return None
    first = None if outcome.key is None else known.get((outcome.scope, outcome.key))
    first = first or known.get(outcome.message_id)
    return None if first is None else Replayed(first)


async def known_outcomes(connection: Any, sql: dict[str, str], writes: Sequence[Write]) -> Known:
    """The outcomes that commands of this batch have already, by message id and by scope and key."""
    outcomes = [write.outcome for write in writes if write.outcome is not None]
    keyed = [(outcome.scope, outcome.key) for outcome in outcomes if outcome.key is not None]
    rows = []
    if outcomes:
        rows += await connection.fetch(sql["outcomes_by_ids"], [outcome.message_id for outcome in outcomes])
    if keyed:
        rows += await connection.fetch(sql["outcomes_by_keys"], *map(list, zip(*keyed, strict=True)))
    known: Known = {}
    for found in map(outcome_of, rows):
        known[found.outcome.message_id] = found
        if found.outcome.key is not None:
            known[found.outcome.scope, found.outcome.key] = found
    return known


def outcome_of(row: Iterable[Any]) -> RecordedOutcome:
    """The outcome in a row of the `outcome_by_...` statements."""
    (number, message_id, command, status, stream, version, position, events, recorded_at, duration,
     correlation_id, origin, scope, key, payload_hash, code, message, details, last_event) = row  # fmt: skip
    outcome = Outcome(
        message_id=message_id, command=command, status=status, stream=stream,
        correlation_id=correlation_id, decided_on=version - events, key=key, scope=scope or "",
        payload_hash=payload_hash or b"", code=code, message=message, details=details,
        origin=origin or NO_ORIGIN, duration=duration,
    )  # fmt: skip
    return RecordedOutcome(
        number=number, outcome=outcome, position=position, first=position - events + 1 if events else 0, events=events,
        version=version, recorded_at=recorded_at, check=NO_CHECK if last_event is None else check_of(last_event),
    )  # fmt: skip
