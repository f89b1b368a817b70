"""From what the log said of a write to what the caller hears."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.errors import (
    AlreadyExistsError,
    KeyReusedError,
    Rejected,
    StreamNotFoundError,
    VersionConflictError,
)
from twofold.event_store.outcome import Outcome, RecordedOutcome, Status
from twofold.event_store.recorded_event import NewEvent, RecordedEvent
from twofold.event_store.store import EventStore, Outcomes
from twofold.event_store.write import Appended, Conflicted, StreamWrite, WriteResult
from twofold.messages.metadata import id_text
from twofold.pipeline.context import Context
from twofold.write.receipt import Receipt


class Answering:
    """Makes receipts, and raises what has to be raised, for first answers and for replays alike."""

    def __init__(self, events: EventStore, outcomes: Outcomes) -> None:
        self._events = events
        self._outcomes = outcomes
        self.epoch = events.epoch

    async def answer(
        self,
        result: WriteResult,
        outcome: Outcome,
        parts: tuple[StreamWrite, ...],
        rejection: Rejected | None,
        context: Context,
    ) -> Receipt:
        """The receipt of a write. Raises the rejection, now that it is on record, or a conflict."""
        if isinstance(result, Appended):
            if rejection is not None:
                raise _as_recorded(rejection, outcome)
            return Receipt(parts, result, self.epoch, outcome.message_id)
        if isinstance(result, Conflicted):
            raise VersionConflictError(result.stream, result.expected, result.actual)
        return await self.replayed(result.first, context)

    async def replay_or(self, context: Context, error: Exception) -> Receipt:
        """The first answer, if this command had one; else raise *error*."""
        first = await self.first(context)
        if first is None:
            raise error
        return await self.replayed(first, context)

    async def first(self, context: Context) -> RecordedOutcome | None:
        """The outcome that this command has already: by its key, or by the message id it brought."""
        if context.key is not None:
            return await self._outcomes.by_key(context.scope, context.key)
        return None if context.message_id is None else await self._outcomes.by_id(context.message_id)

    async def replayed(self, first: RecordedOutcome, context: Context) -> Receipt:
        """The first answer again, rejections too. Raises KeyReusedError when the payload is another one, or, where
        only the message id is the same, the command is.
        """
        outcome = first.outcome
        self.check_same(outcome, context)
        if outcome.status == Status.REJECTED:
            raise rejection_of(outcome)
        return await self.receipt(first)

    def check_same(self, outcome: Outcome, context: Context) -> None:
        """Raise KeyReusedError when *outcome* is that of another command than the one that comes in *context*."""
        if context.key is not None and outcome.payload_hash != context.payload_hash():
            raise KeyReusedError(f"the key {context.key!r} was used for another {outcome.command}")
        if outcome.command != context.name:
            raise KeyReusedError(f"the message id {id_text(outcome.message_id)} is that of another {outcome.command}")

    async def receipt(self, first: RecordedOutcome) -> Receipt:
        """The receipt of an accepted outcome, read from the log."""
        outcome = first.outcome
        parts: tuple[StreamWrite, ...] = ()
        versions: tuple[int, ...] = ()
        if first.events:
            page = await self._events.read_log(
                first.first - 1, up_to=first.position, limit=first.events, max_bytes=1 << 40
            )
            parts, versions = _recorded_parts(page.events)
        elif outcome.stream is not None:
            parts, versions = (StreamWrite(outcome.stream, first.version),), (first.version,)
        appended = Appended(first.first, first.position, versions, first.check, first.recorded_at)
        return Receipt(parts, appended, self.epoch, outcome.message_id, replayed=True)


def _recorded_parts(events: list[RecordedEvent]) -> tuple[tuple[StreamWrite, ...], tuple[int, ...]]:
    """The parts that these events, which stand one after another, came from, and the streams' versions after them."""
    by_stream: dict[str, list[RecordedEvent]] = {}
    for event in events:
        by_stream.setdefault(event.stream, []).append(event)
    parts = tuple(
        StreamWrite(
            stream,
            group[0].version - 1,
            tuple(NewEvent(event.type, event.schema_version, event.data, event.message_id) for event in group),
        )
        for stream, group in by_stream.items()
    )
    return parts, tuple(group[-1].version for group in by_stream.values())


def rejection_of(outcome: Outcome) -> Rejected:
    """The refusal that an outcome records, as it was answered first."""
    code, details = outcome.code or "rejected", _details(outcome)
    for kind in (AlreadyExistsError, StreamNotFoundError):
        ours = kind(str(details.get("stream", "")))
        if (ours.code, ours.message, ours.details) == (code, outcome.message, details):
            return ours
    rejection = Rejected(code, outcome.message or code)
    rejection.details = details
    return rejection


def _as_recorded(rejection: Rejected, outcome: Outcome) -> Rejected:
    """*rejection* with its details as JSON has kept them, so that copies hear the same."""
    rejection.details = _details(outcome)
    return rejection


def _details(outcome: Outcome) -> dict[str, Any]:
    return msgspec.json.decode(outcome.details) if outcome.details else {}
