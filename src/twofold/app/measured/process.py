"""All that one open app counts and times in this process, or nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol, TypeVar

from twofold.app.measured.commands import CommandMeasures, Send
from twofold.app.measured.event_store import AppendMeasures, MeasuredEventStore
from twofold.app.measured.queries import Kind, QueryMeasures
from twofold.event_store.store import EventStore
from twofold.messages.message_types import MessageType
from twofold.runtime.measures import Family

T = TypeVar("T")


class Measures(Protocol):
    """Puts measures around what an app is wired from."""

    def send(self, send: Send) -> Send:
        """The bus."""

    def conflicted(self, command: Any) -> None:
        """Somebody else was faster than a try of *command*."""

    def events(self, events: EventStore) -> EventStore:
        """The log, as far as commands write to it."""

    def answering(self, kind: Kind, asked: type, answering: Awaitable[T]) -> Awaitable[T]:
        """The answer to a question; *asked* is the query or the view."""

    def answer_times(self) -> Sequence[int]:
        """How many questions about now fell into which bucket of `SECONDS` so far; empty when there was none."""

    def families(self) -> Iterator[Family]:
        """What was measured so far."""


class NoMeasures:
    """Leaves everything as it is: what is not measured costs nothing."""

    def send(self, send: Send) -> Send:
        """See Measures."""
        return send

    def conflicted(self, command: Any) -> None:
        """See Measures."""

    def events(self, events: EventStore) -> EventStore:
        """See Measures."""
        return events

    def answering(self, kind: Kind, asked: type, answering: Awaitable[T]) -> Awaitable[T]:  # noqa: ARG002 - the protocol's
        """See Measures."""
        return answering

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
        self.send = self._commands.around
        self.conflicted = self._commands.conflicted
        self.answering = self._queries.timed
        self.answer_times = self._queries.counts

    def events(self, events: EventStore) -> EventStore:
        """See Measures."""
        return MeasuredEventStore(events, self._appends)

    def families(self) -> Iterator[Family]:
        """See Measures."""
        return chain(self._commands.families(), self._queries.families(), self._appends.families())
