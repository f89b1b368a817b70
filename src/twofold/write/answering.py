"""From what the log said of a write to what the caller hears."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.errors import (
    AlreadyExistsError,
    KeyReusedError,
    Rejected,
    StreamNotFoundError,
    TwofoldError,
    VersionConflictError,
)
from twofold.event_store.outcome import Outcome, RecordedOutcome, Status
from twofold.event_store.recorded_event import Mark
from twofold.event_store.store import EventStore, Outcomes
from twofold.event_store.write import Appended, Conflicted, StreamWrite, WriteResult
from twofold.pipeline.context import Context
from twofold.write.receipt import Receipt, StreamReceipt


class Answering:
    """Makes receipts, and raises what has to be raised, for first answers and for replays alike."""

    def __init__(self, events: EventStore, outcomes: Outcomes) -> None:
        self._events = events
        self._outcomes = outcomes

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
                raise rejection
            mark = Mark(self._events.epoch, result.position, result.check)
            written = _written(parts, result.versions)
            return Receipt(written, _types(parts, result.versions), mark, outcome.message_id)
        if isinstance(result, Conflicted):
            raise VersionConflictError(result.stream, result.expected, result.actual)
        return await self.replayed(result.first, context)

    async def replay_or(self, context: Context, error: TwofoldError) -> Receipt:
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
        """The first answer again, rejections too. Raises KeyReusedError when the payload is another one."""
        outcome = first.outcome
        if context.key is not None and outcome.payload_hash != context.payload_hash():
            raise KeyReusedError(f"the key {context.key!r} was used for another {outcome.command}")
        if outcome.status == Status.REJECTED:
            raise rejection_of(outcome)
        return await self.receipt(first)

    async def receipt(self, first: RecordedOutcome) -> Receipt:
        """The receipt of an accepted outcome, read from the log."""
        mark = Mark(self._events.epoch, first.position, first.check)
        if not first.events:
            writes = () if first.outcome.stream is None else (StreamReceipt(first.outcome.stream, first.version),)
            return Receipt(writes, (), mark, first.outcome.message_id, replayed=True)
        page = await self._events.read_log(first.first - 1, up_to=first.position, limit=first.events, max_bytes=1 << 40)
        types = tuple((event.type, event.version) for event in page.events)
        versions = {event.stream: event.version for event in page.events}
        writes = tuple(StreamReceipt(stream, version) for stream, version in versions.items())
        return Receipt(writes, types, mark, first.outcome.message_id, replayed=True)


def _written(parts: tuple[StreamWrite, ...], versions: tuple[int, ...]) -> tuple[StreamReceipt, ...]:
    """The stream that was decided on, or of several those that got events."""
    if len(parts) == 1:
        return (StreamReceipt(parts[0].stream, versions[0]),)
    return tuple(StreamReceipt(part.stream, now) for part, now in zip(parts, versions, strict=True) if part.events)


def _types(parts: tuple[StreamWrite, ...], versions: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    return tuple([
        (event.type, now - len(part.events) + n)
        for part, now in zip(parts, versions, strict=True)
        for n, event in enumerate(part.events, 1)
    ])


def rejection_of(outcome: Outcome) -> Rejected:
    """The refusal that an outcome records."""
    code, stream = outcome.code or "rejected", outcome.stream or ""
    if code == "already-exists":
        return AlreadyExistsError(stream)
    if code == "not-found":
        return StreamNotFoundError(stream)
    details: dict[str, Any] = msgspec.json.decode(outcome.details) if outcome.details else {}
    rejection = Rejected(code, outcome.message or code)
    rejection.details = details
    return rejection
