"""Who runs a view: one step reads a page of the log, folds it, and saves rows and checkpoint together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from twofold.errors import LeaseLostError, UnavailableError
from twofold.event_store.recorded_event import Mark, RecordedEvent
from twofold.event_store.store import LogFilter
from twofold.read.batch import EventFailedError, Events, Folder, UnsoundBatchError, unsound
from twofold.read.follower import DEFAULT_PAGING, Follower, Paging, Part
from twofold.read.shards import Claims, Shards, alone
from twofold.read.source import Source
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Checkpoint, ViewStore


class ViewProjector(Shards):
    """Keeps one view in step with the log. `step()` folds at most one page for each shard.

    When an event fails, its row is as it was before it; the events before it are saved.

    Args:
        definition: the view.
        source: the log.
        events: decodes its events.
        store: where the rows live.
        claims: where this process's claims to leases come from; nobody disputes them unless given.
        paging: how much one step reads.
    """

    def __init__(
        self,
        definition: ViewDefinition[Any],
        source: Source,
        events: Events,
        store: ViewStore,
        *,
        claims: Claims = alone,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        def follower(part: Part) -> Follower:
            return ViewFollower(definition, source, events, store, part, paging)

        super().__init__(definition.table, source, store, follower, spread=definition.spread, claims=claims)
        self.definition = definition


class ViewFollower(Follower):
    """Folds the rows of one shard."""

    def __init__(
        self,
        definition: ViewDefinition[Any],
        source: Source,
        events: Events,
        store: ViewStore,
        part: Part,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        is_by_stream = definition.spread.category is not None and part.shard.of > 1
        where = LogFilter(types=definition.event_names, slices=part.shard.slices if is_by_stream else None)
        super().__init__(definition.table, where, source, store, part, paging)
        self._folder = Folder(definition, events, part.shard)

    async def keep(self, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint) -> None:
        """Fold *events* into their rows: one bulk read, one bulk write with the checkpoint."""
        generation, shard = self.generation, self.shard.number
        load = partial(self._store.load, generation, shard)
        try:
            changes = await self._folder.changes(events, expected.position, load)
            await self._store.save(generation, shard, changes, expected, reached)
        except (EventFailedError, UnsoundBatchError, LeaseLostError, UnavailableError):
            raise
        except Exception as error:
            raise unsound(events, error) from error
