"""Loads a stream's state by folding its events, from a snapshot where there is one."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from twofold.errors import FoldError, UnreadableError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore, Snapshot, Snapshots
from twofold.messages.upcasting import EventReader
from twofold.write.aggregate import AggregateDefinition
from twofold.write.states import States, StreamState

PAGE = 5_000
logger = logging.getLogger(__name__)


class Repository:
    """Loads and folds; keeps nothing itself but hands what it loaded to the states in memory."""

    def __init__(
        self,
        events: EventStore,
        snapshots: Snapshots,
        reader: EventReader,
        states: States,
        fingerprints: dict[str, str],
    ) -> None:
        self._events = events
        self._snapshots = snapshots
        self._reader = reader
        self._states = states
        self._fingerprints = fingerprints

    async def load(self, definition: AggregateDefinition, stream: str) -> StreamState:
        """The state of *stream*, shared with everyone who decides on it; the one in memory if there is one."""
        return self._states.get(stream) or self._states.keep(await self.fold(definition, stream))

    async def fold(self, definition: AggregateDefinition, stream: str, up_to: int | None = None) -> StreamState:
        """A state of its own, folded from the log: as of version *up_to*, or as it is now.

        Raises UnreadableError when an event cannot be decoded, FoldError when a fold raises.
        """
        folded = await self._from_snapshot(definition, stream, up_to)
        while True:
            page = await self._events.read_stream(stream, after=folded.version, up_to=up_to, limit=PAGE)
            self._advance(definition, folded, page)
            if len(page) < PAGE:
                return folded

    async def version(self, stream: str) -> int:
        """The version that *stream* has in the log; 0 when it is empty."""
        last = await self._events.read_stream(stream, limit=1, backwards=True)
        return last[0].version if last else 0

    async def snapshot(self, definition: AggregateDefinition, stream: str) -> None:
        """Fold *stream* and keep a snapshot of it, unless its state comes back from JSON as another one."""
        folded = await self.fold(definition, stream)
        data = _encoded(definition, folded.state)
        if data is None:
            text = "no snapshot of %s: its state does not survive JSON; annotate the fields of %s with what they hold"
            logger.warning(text, stream, definition.cls.__name__)
            return
        fingerprint = self._fingerprints[definition.category]
        await self._snapshots.save(Snapshot(stream, folded.version, fingerprint, data))

    async def _from_snapshot(self, definition: AggregateDefinition, stream: str, up_to: int | None) -> StreamState:
        found = await self._snapshots.load(stream, self._fingerprints[definition.category], up_to)
        if found is not None:
            try:
                return StreamState(stream, found.version, _decoded(definition, found.data))
            except UnreadableError:
                pass  # A damaged snapshot costs time, not truth: fold from the first event.
        return StreamState(stream, 0, definition.cls())

    def _advance(self, definition: AggregateDefinition, folded: StreamState, page: list[RecordedEvent]) -> None:
        decode, folds, state = self._reader.decode, definition.folds, folded.state
        for recorded in page:
            event = decode(recorded.type, recorded.schema_version, recorded.data)
            fold = folds.get(type(event))
            if fold is not None:
                run_fold(fold, state, event, recorded.stream, recorded.version)
        if page:
            folded.version = page[-1].version


def run_fold(fold: Any, state: Any, event: Any, stream: str, version: int) -> None:
    """Fold *event* into *state*. Raises FoldError; the state is then to be thrown away."""
    try:
        fold(state, event)
    except Exception as error:
        raise FoldError(f"folding {type(event).__name__} into {stream} at version {version}: {error!r}") from error


def _encoded(definition: AggregateDefinition, state: Any) -> bytes | None:
    try:
        data = msgspec.json.encode(state)
        return data if _decoded(definition, data) == state else None
    except (UnreadableError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def _decoded(definition: AggregateDefinition, data: bytes) -> Any:
    try:
        return msgspec.json.decode(data, type=definition.cls)
    except (msgspec.MsgspecError, TypeError) as error:
        raise UnreadableError(f"a snapshot of {definition.category} cannot be read: {error}") from error
