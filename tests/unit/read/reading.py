"""A log and a view store in memory, and a hand that writes events into the log."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec

from twofold.adapters.memory.log import open_memory_log
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.write import ANY_VERSION, Appended, StreamWrite, Write
from twofold.messages.declaration import declaration
from twofold.messages.message_types import MessageTypes
from twofold.messages.upcasting import EventReader, Upcaster
from twofold.read.answer import ReadModel
from twofold.read.define_view import define_view
from twofold.read.follower import Paging
from twofold.read.freshness import Freshness
from twofold.read.lot import Parks
from twofold.read.projector import ViewProjector
from twofold.read.rows import Rows
from twofold.read.shards import Claims, alone
from twofold.read.view import View
from twofold.read.view_store import ViewStore


class Reading:
    """The read side of a small app, put together by hand."""

    def __init__(self) -> None:
        self.log = open_memory_log()
        self.source = self.log.events
        self.store: ViewStore = MemoryViewStore()
        self._ids = itertools.count(1)

    async def append(self, stream: str, *events: Any, as_type: str | None = None) -> int:
        """Write *events* to *stream* in one transaction; returns the last position."""
        new = tuple(
            NewEvent(
                as_type or declaration(type(event)).name,
                declaration(type(event)).version,
                event if isinstance(event, bytes) else msgspec.json.encode(event),
                next(self._ids).to_bytes(16, "big"),
            )
            for event in events
        )
        write = Write((StreamWrite(stream, ANY_VERSION, new),), None, bytes(16), bytes(16), b"{}")
        (result,) = await self.source.append([write])
        assert isinstance(result, Appended)
        return result.position

    def events(self, types: Iterable[type], upcasters: Iterable[Upcaster] = ()) -> EventReader:
        """What decodes events of those types."""
        known = MessageTypes()
        return EventReader([found for cls in types if (found := known.add(cls, "event"))], upcasters)

    def projector(
        self,
        view: type[View],
        *,
        page: int = 1000,
        keys: dict[type, str] | None = None,
        categories: dict[type, str] | None = None,
        claims: Claims = alone,
        parks: Parks | None = None,
    ) -> ViewProjector:
        """Who runs *view*, reading *page* events a step; with *parks* it parks rows that fail."""
        definition = define_view(view, keys, categories=categories)
        assert not definition.faults, definition.faults
        reader = self.events(definition.events)
        paging = Paging(page)
        return ViewProjector(definition, self.source, reader, self.store, claims=claims, paging=paging, parks=parks)

    def rows(self, projector: ViewProjector) -> Rows[Any]:
        """The rows that *projector* keeps."""
        return Rows(projector.definition, self.store)

    def model(self, *projectors: ViewProjector, wait: float = 2.0) -> ReadModel:
        """What answers are made from."""
        definitions = {each.definition.view: each.definition for each in projectors}
        freshness = Freshness(self.source, {each.name: each for each in projectors}, wait=wait)
        return ReadModel(definitions, self.store, freshness)
