"""All that one open app counts and times in this process, or nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol

from twofold.app.measured.commands import CommandMeasures, Send
from twofold.app.measured.event_store import AppendMeasures, MeasuredEventStore
from twofold.app.measured.queries import QueryMeasures
from twofold.event_store.store import EventStore
from twofold.messages.message_types import MessageType
from twofold.pipeline.middleware import Endpoint, Middleware
from twofold.runtime.measures import Family


class Measures(Protocol):
    """Puts measures around what an app is wired from."""

    def send(self, send: Send) -> Send:
        """The bus."""

    def handler(self, command: type, handle: Endpoint) -> Endpoint:
        """The handler of *command*."""

    def events(self, events: EventStore) -> EventStore:
        """The log, as far as commands write to it."""

    def around_questions(self, middlewares: Sequence[Middleware]) -> Sequence[Middleware]:
        """What surrounds every question."""

    def answer_times(self) -> Sequence[int]:
        """How many questions about now fell into which bucket of `SECONDS` so far; empty when there was none."""

    def families(self) -> Iterator[Family]:
        """What was measured so far."""


class NoMeasures:
    """Leaves everything as it is: what is not measured costs nothing."""

    def send(self, send: Send) -> Send:
        """See Measures."""
        return send

    def handler(self, command: type, handle: Endpoint) -> Endpoint:  # noqa: ARG002 - the protocol's
        """See Measures."""
        return handle

    def events(self, events: EventStore) -> EventStore:
        """See Measures."""
        return events

    def around_questions(self, middlewares: Sequence[Middleware]) -> Sequence[Middleware]:
        """See Measures."""
        return middlewares

    def answer_times(self) -> Sequence[int]:
        """See Measures."""
        return ()

    def families(self) -> Iterator[Family]:
        """See Measures."""
        return iter(())


class ProcessMeasures:
    """Measures everything."""

    def __init__(self, commands: Iterable[MessageType]) -> None:
        self._queries = QueryMeasures()
        self._commands = CommandMeasures(commands)
        self._appends = AppendMeasures()

    def send(self, send: Send) -> Send:
        """See Measures."""
        return self._commands.around(send)

    def handler(self, command: type, handle: Endpoint) -> Endpoint:
        """See Measures."""
        return self._commands.around_handler(command, handle)

    def events(self, events: EventStore) -> EventStore:
        """See Measures."""
        return MeasuredEventStore(events, self._appends)

    def around_questions(self, middlewares: Sequence[Middleware]) -> Sequence[Middleware]:
        """See Measures."""
        return (self._queries.around, *middlewares)

    def answer_times(self) -> Sequence[int]:
        """See Measures."""
        return self._queries.counts()

    def families(self) -> Iterator[Family]:
        """See Measures."""
        return chain(self._commands.families(), self._queries.families(), self._appends.families())
