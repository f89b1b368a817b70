"""Handlers that write to several streams at once."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twofold.errors import (
    AlreadyExistsError,
    InputError,
    MisuseError,
    Rejected,
    StreamNotFoundError,
    VersionConflictError,
)
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.stream import stream_name
from twofold.event_store.write import StreamWrite
from twofold.pipeline.context import Context
from twofold.write.aggregate import Aggregate, AggregateDefinition, joined_key
from twofold.write.deciding import Desk, advance, encode_events, outcome_of
from twofold.write.receipt import Receipt
from twofold.write.states import StreamState

A = TypeVar("A", bound=Aggregate)
StreamsHandler = Callable[[Any, "Streams"], Awaitable[None]]


class Streams:
    """The streams that one command is decided on: load states, record events, all or nothing.

    Every stream that was loaded is checked at its version, also those that get no event.
    """

    def __init__(self, definitions: dict[type, AggregateDefinition], desk: Desk) -> None:
        self._definitions = definitions
        self._desk = desk
        self._held: dict[str, tuple[StreamState, int]] = {}
        self._folds: dict[str, Any] = {}
        self._new: dict[str, list[tuple[NewEvent, Any]]] = {}

    async def load(self, aggregate: type[A], key: Any, *, new: bool = False) -> A:
        """A copy of the state of one stream; its fields are yours to read.

        Raises StreamNotFoundError when the stream is empty, or AlreadyExistsError when it is not and *new* is asked.
        """
        stream = self._stream(aggregate, key)
        if stream not in self._held:
            held = await self._desk.repository.load(self._definitions[aggregate], stream)
            self._held[stream] = (held, held.version)
            self._folds[stream] = self._definitions[aggregate].folds
        held, version = self._held[stream]
        if new and version:
            raise AlreadyExistsError(stream)
        if not new and not version:
            raise StreamNotFoundError(stream)
        state: A = copy.deepcopy(held.state)
        return state

    def record(self, aggregate: type[Aggregate], key: Any, *events: Any) -> None:
        """Add *events* to the stream of *aggregate* with this key; it must have been loaded.

        Raises MisuseError when it was not, and for an invalid event.
        """
        stream = self._stream(aggregate, key)
        if stream not in self._held:
            raise MisuseError(f"load {stream} before recording on it")
        self._new.setdefault(stream, []).extend(encode_events(events, self._desk.events, self._desk.ids))

    def _stream(self, aggregate: type[Aggregate], key: Any) -> str:
        definition = self._definitions.get(aggregate)
        if definition is None:
            raise MisuseError(f"{aggregate.__name__} is not listed in the app")
        return stream_name(definition.category, joined_key(key) if isinstance(key, tuple) else str(key))

    def parts(self, *, with_events: bool) -> tuple[StreamWrite, ...]:
        """What is to be written. Raises VersionConflictError when a state was thrown away since it was loaded."""
        writes = []
        for stream, (held, version) in self._held.items():
            if held.broken or held.version != version:
                raise VersionConflictError(stream, version, held.version)
            new = self._new.get(stream, []) if with_events else []
            writes.append(StreamWrite(stream, version, tuple([event for event, _ in new])))
        return tuple(writes)

    def states(self) -> tuple[StreamState, ...]:
        """The states this was decided on."""
        return tuple(held for held, _ in self._held.values())

    def advance(self) -> None:
        """Fold the recorded events into the states in memory. Raises FoldError; all of them are thrown away then."""
        try:
            for stream, new in self._new.items():
                advance(self._held[stream][0], self._folds[stream], new, self._desk.states)
        except BaseException:
            for held in self.states():
                self._desk.states.discard(held)
            raise


def on_streams(
    handler: StreamsHandler, name: str, definitions: dict[type, AggregateDefinition], desk: Desk
) -> Callable[[Any, Context], Awaitable[Receipt]]:
    """The endpoint of a command that is decided on several streams."""

    async def attempt(command: Any, context: Context) -> Receipt:
        if context.expected_version is not None:
            raise InputError(f"{name} is decided on several streams and takes no expected version")
        streams = Streams(definitions, desk)
        rejection: Rejected | None = None
        try:
            await handler(command, streams)
        except Rejected as error:
            rejection = error
        parts = streams.parts(with_events=rejection is None)
        message_id = context.message_id or desk.ids.next()
        stream, version = (parts[0].stream, parts[0].expected) if len(parts) == 1 else (None, 0)
        outcome = outcome_of(context, name, message_id, stream, version, rejection)
        if rejection is None:
            streams.advance()
        result = await desk.committer.submit(parts, outcome, streams.states(), outcome.origin)
        for part in parts:
            desk.snapshotter.grown(part.stream, part.expected, len(part.events))
        return await desk.answering.answer(result, outcome, parts, rejection, context)

    return attempt
