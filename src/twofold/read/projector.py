"""Who runs a view: one step reads a page of the log, folds it, and saves rows and checkpoint together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from twofold.errors import LeaseLostError, UnavailableError
from twofold.event_store.recorded_event import Mark, RecordedEvent
from twofold.read.batch import EventFailedError, Events, Folder, UnsoundBatchError, unsound
from twofold.read.follower import DEFAULT_PAGING, Follower, Paging
from twofold.read.source import Source
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Checkpoint, Generation, ViewStore


class ViewProjector(Follower):
    """Keeps one view in step with the log. `step()` folds at most one page.

    When an event fails, its row is as it was before it; the events before it are saved.

    Args:
        definition: the view.
        source: the log.
        events: decodes its events.
        store: where the rows live.
        fence: the number of this runner's lease; a store that has seen a higher one refuses it.
        paging: how much one step reads.
    """

    def __init__(
        self,
        definition: ViewDefinition[Any],
        source: Source,
        events: Events,
        store: ViewStore,
        *,
        fence: int = 0,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        super().__init__(definition.table, definition.event_names, source, store, fence=fence, paging=paging)
        self.definition = definition
        self._folder = Folder(definition, events)

    async def keep(
        self, generation: Generation, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint
    ) -> None:
        """Fold *events* into their rows: one bulk read, one bulk write with the checkpoint."""
        load = partial(self._store.load, generation, 0)
        try:
            changes = await self._folder.changes(events, expected.position, load)
            await self._store.save(generation, 0, changes, expected, reached)
        except (EventFailedError, UnsoundBatchError, LeaseLostError, UnavailableError):
            raise
        except Exception as error:
            raise unsound(events, error) from error
