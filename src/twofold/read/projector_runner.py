"""Runs raw projectors: hands them their events, and keeps their checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twofold.errors import LeaseLostError, UnavailableError
from twofold.event_store.recorded_event import Mark, RecordedEvent
from twofold.event_store.store import LogFilter
from twofold.messages.declaration import declaration
from twofold.read.batch import EventFailedError, Events, unsound
from twofold.read.follower import DEFAULT_PAGING, Follower, Paging, Part
from twofold.read.raw_projector import Projected, Projector, projector_table
from twofold.read.shards import Claims, Shards, alone
from twofold.read.source import Source
from twofold.read.view_store import Checkpoint, ClientTransactions, ViewStore, ViewTable


class ProjectorRunner(Shards):
    """Runs one raw projector, which has one shard; see `Follower` for what stops it.

    Args:
        projector: the user's object.
        source: the log.
        events: decodes its events.
        store: where the checkpoint lives.
        claims: where this process's claim to the lease comes from; nobody disputes it unless given.
        paging: how much one step reads.
    """

    def __init__(
        self,
        projector: Projector,
        source: Source,
        events: Events,
        store: ViewStore,
        *,
        claims: Claims = alone,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        table = projector_table(projector)

        def follower(part: Part) -> Follower:
            return RawFollower(table, projector, source, events, store, part, paging=paging)

        super().__init__(table, source, store, follower, claims=claims)


class RawFollower(Follower):
    """Hands events to a raw projector."""

    def __init__(
        self,
        table: ViewTable,
        projector: Projector,
        source: Source,
        events: Events,
        store: ViewStore,
        part: Part,
        *,
        paging: Paging,
    ) -> None:
        names = frozenset(declaration(event).name for event in projector.events)
        super().__init__(table, LogFilter(types=names), source, store, part, paging)
        self._projector = projector
        self._decoder: Callable[[str, int], Callable[[bytes], Any]] = events.decoder

    async def keep(self, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint) -> None:
        """Hand *events* to the projector and move the checkpoint, in one transaction where the store can."""
        generation, shard = self.generation, self.shard.number
        projected = list(self._decoded(events))
        try:
            if isinstance(self._store, ClientTransactions):
                async with self._store.transaction(generation, shard, expected, reached) as client:
                    await self._project(projected, client)
            else:
                await self._project(projected, None)
                await self._store.save(generation, shard, (), expected, reached)
        except (LeaseLostError, UnavailableError):
            raise
        except Exception as error:
            raise unsound(events, error) from error

    async def _project(self, projected: Sequence[Projected], client: Any) -> None:
        if projected:
            await self._projector.project(projected, client)

    def _decoded(self, events: Sequence[RecordedEvent]) -> Iterator[Projected]:
        for one in events:
            try:
                event = self._decoder(one.type, one.schema_version)(one.data)
            except Exception as error:
                raise EventFailedError(one, error) from error
            yield Projected(event, one.stream, one.version, one.position, one.recorded_at)
