"""One attempt at a command on one aggregate: load, decide, fold, hand over, wait for the disk."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import msgspec

from twofold.clock import Ids
from twofold.errors import (
    AlreadyExistsError,
    InputError,
    InvalidMessageError,
    MisuseError,
    PreconditionFailedError,
    Rejected,
    StreamNotFoundError,
)
from twofold.event_store.outcome import COPY, Outcome, Status
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.stream import stream_name
from twofold.event_store.write import Appended, StreamWrite
from twofold.messages.message_types import MessageType
from twofold.pipeline.context import Context
from twofold.write.aggregate import AggregateDefinition, Decision
from twofold.write.answering import Answering
from twofold.write.committer import Committer
from twofold.write.receipt import Receipt
from twofold.write.repository import Repository, run_fold
from twofold.write.snapshotter import Snapshotter
from twofold.write.states import States, StreamState

_ACCEPTED, _REJECTED = int(Status.ACCEPTED), int(Status.REJECTED)
EventTypes = dict[type, MessageType]


class Desk(NamedTuple):
    """What everyone who decides works with."""

    committer: Committer
    repository: Repository
    states: States
    events: EventTypes
    answering: Answering
    ids: Ids
    snapshotter: Snapshotter


def on_aggregate(
    definition: AggregateDefinition, decision: Decision, name: str, desk: Desk
) -> Callable[[Any, Context], Awaitable[Receipt]]:
    """The endpoint of the command that *decision* takes. One call is one attempt; it raises
    VersionConflictError when someone else was first, and Rejected once the refusal is on record.
    """
    decided = _decider(decision)
    committer, repository, states, event_types, answering, ids, snapshotter = desk
    every = snapshotter.interval(definition.category)
    epoch = answering.epoch
    category, stream_id, folds = definition.category, definition.stream_id, definition.folds

    async def attempt(command: Any, context: Context) -> Receipt:
        stream = stream_name(category, stream_id(command))
        held = states.get(stream) or await repository.load(definition, stream)
        version = held.version
        if context.expected_version is not None and context.expected_version != version:
            return await _asked_of_the_log(desk, held, context) or await attempt(command, context)
        message_id = context.message_id or ids.next()
        produced, rejection = decided(held, command)
        new = () if produced is None else encode_events(produced, event_types, ids)
        parts = (StreamWrite(stream, version, tuple([event for event, _ in new])),)
        outcome = outcome_of(context, name, message_id, stream, version, rejection)
        if new:
            advance(held, folds, new, states)
        result = await committer.submit(parts, outcome, (held,), outcome.origin)
        if every and version // every < (version + len(new)) // every:
            snapshotter.note(stream)
        if rejection is None and type(result) is Appended:
            return Receipt(parts, result, epoch, message_id)
        return await answering.answer(result, outcome, parts, rejection, context)

    return attempt


async def _asked_of_the_log(desk: Desk, held: StreamState, context: Context) -> Receipt | None:
    """Memory is not at the version that the caller expects; it may be behind the log, or ahead of it.

    Raises PreconditionFailedError where the log says so too, unless there is a first answer. Otherwise waits until
    what is in memory has come to pass, or throws it away.
    """
    expected = context.expected_version or 0
    actual = await desk.repository.version(held.stream)
    if actual != expected:
        return await desk.answering.replay_or(context, PreconditionFailedError(held.stream, expected, actual))
    if held.tip is None:
        desk.states.discard(held)
    else:
        await asyncio.wait((held.tip.result,))
    return None


def _decider(decision: Decision) -> Callable[[StreamState, Any], tuple[Any, Rejected | None]]:
    """What a decision says on a state: what it produced, or its rejection."""
    decide, (must_be_new, must_exist) = decision.function, decision.existence
    if inspect.isgeneratorfunction(decide):
        decide = _gathering(decide)

    def decided(held: StreamState, command: Any) -> tuple[Any, Rejected | None]:
        if must_be_new and held.version:
            return None, AlreadyExistsError(held.stream)
        if must_exist and not held.version:
            return None, StreamNotFoundError(held.stream)
        try:
            return decide(held.state, command), None
        except Rejected as rejection:
            return None, rejection

    return decided


def _gathering(decide: Callable[[Any, Any], Iterable[Any]]) -> Callable[[Any, Any], list[Any]]:
    """*decide* run to its end at once, so that what it raises on the way is part of the decision."""
    return lambda state, command: list(decide(state, command))


def encode_events(produced: Any, event_types: EventTypes, ids: Ids) -> tuple[tuple[NewEvent, Any], ...]:
    """What a decision returned, as encoded events, each with its decoded copy.

    Raises MisuseError for something that is no registered event, and for an event that breaks its own type.
    """
    found = event_types.get(type(produced))
    if found is not None:
        return (_encoded(produced, found, ids),)
    if isinstance(produced, str | bytes) or not isinstance(produced, Iterable):
        raise _not_an_event(produced)
    encoded = []
    for event in produced:
        found = event_types.get(type(event))
        if found is None:
            raise _not_an_event(event)
        encoded.append(_encoded(event, found, ids))
    return tuple(encoded)


def _encoded(event: Any, found: MessageType, ids: Ids) -> tuple[NewEvent, Any]:
    try:
        copy, data = found.codec.validate(event)
    except InvalidMessageError as error:
        raise MisuseError(f"a handler made an event that cannot be stored: {error}") from error
    return NewEvent(found.name, found.version, data, ids.next()), copy


def _not_an_event(value: Any) -> MisuseError:
    return MisuseError(
        f"a decision returned {value!r}: return events that the app knows, by a fold or in a return annotation"
    )


def advance(held: StreamState, folds: Any, new: Sequence[tuple[NewEvent, Any]], states: States) -> None:
    """Fold the new events; if that fails the state is thrown away and nothing is written."""
    try:
        for _, copy in new:
            held.version += 1
            fold = folds.get(type(copy))
            if fold is not None:
                run_fold(fold, held.state, copy, held.stream, held.version)
    except BaseException:
        states.discard(held)
        raise


async def record_refusal(desk: Desk, message_id: bytes, name: str, error: InputError) -> None:
    """Put on record that a queued command was refused before anybody could decide on it."""
    context = Context(arrived=perf_counter())
    outcome = outcome_of(context, name, message_id, None, 0, Rejected(error.code, str(error)))
    await desk.committer.submit((), outcome, (), outcome.origin)


async def record_copy(desk: Desk, message_id: bytes, name: str, context: Context) -> None:
    """Put on record, where it is so, that a queued command with a key was a copy of one that had been sent."""
    first = await desk.answering.first(context)
    if first is None or first.outcome.message_id == message_id:
        return
    outcome = Outcome(
        message_id=message_id, command=name, status=_ACCEPTED, correlation_id=first.outcome.message_id, code=COPY
    )
    await desk.committer.submit((), outcome, (), outcome.origin)


def outcome_of(
    context: Context, name: str, message_id: bytes, stream: str | None, version: int, rejection: Rejected | None
) -> Outcome:
    """The outcome record of one decision."""
    correlation_id = context.correlation_id or message_id
    duration = int((perf_counter() - context.arrived) * 1e6)
    if rejection is None and context.key is None:
        return Outcome(
            message_id=message_id, command=name, status=_ACCEPTED, correlation_id=correlation_id, stream=stream,
            decided_on=version, origin=context.origin(), duration=duration,
        )  # fmt: skip
    code = text = details = None
    if rejection is not None:
        code, text = _storable(rejection.code), _storable(rejection.message)
        details = _details_of(rejection)
    return Outcome(
        message_id=message_id,
        command=name,
        status=_ACCEPTED if rejection is None else _REJECTED,
        correlation_id=correlation_id,
        stream=stream,
        decided_on=version,
        key=context.key,
        scope=context.scope if context.key is not None else "",
        payload_hash=b"" if context.key is None else context.payload_hash(),
        code=code,
        message=text,
        details=details,
        origin=context.origin(),
        duration=duration,
    )


def _details_of(rejection: Rejected) -> bytes:
    """The details as JSON; whatever JSON cannot carry becomes text, for a refusal must not fail on its details."""
    try:
        return msgspec.json.encode(rejection.details, enc_hook=str)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return msgspec.json.encode({name: _storable(value) for name, value in rejection.details.items()})


def _storable(value: object) -> str:
    """*value* as text that every store can hold: without lone surrogates and NUL."""
    return str(value).encode(errors="replace").decode().replace("\0", "\ufffd")
