"""Who runs a view: one step reads a page of the log, folds it, and saves rows and checkpoint together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from twofold.errors import LeaseLostError, MisuseError, StoreUnusableError, UnavailableError
from twofold.event_store.recorded_event import Mark, RecordedEvent
from twofold.event_store.store import LogFilter
from twofold.read.batch import EventFailedError, Events, Folder, unsound
from twofold.read.follower import DEFAULT_PAGING, Follower, Paging, Part
from twofold.read.lookups import StoredLookups
from twofold.read.lot import Lot, Parks
from twofold.read.mending import Mender, Reading
from twofold.read.plan import Folded, RowFailed
from twofold.read.progress import Stuck
from twofold.read.shards import Claims, Shards, alone
from twofold.read.source import Source
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Checkpoint, Generation, Key, LookupRows, ParkingLot, ViewStore


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
        parks: how rows that fail are parked; None: an event that fails stops the view.
        generation: the one to fold; the live one when None.
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
        parks: Parks | None = None,
        generation: Generation | None = None,
    ) -> None:
        def follower(part: Part) -> Follower:
            return ViewFollower(definition, source, events, store, part, paging=paging, parks=parks)

        table, spread = definition.table, definition.spread
        super().__init__(table, source, store, follower, spread=spread, claims=claims, generation=generation)
        self.definition = definition


class ViewFollower(Follower):
    """Folds the rows of one shard. A row that fails is parked if *parks* says how and the store can."""

    def __init__(
        self,
        definition: ViewDefinition[Any],
        source: Source,
        events: Events,
        store: ViewStore,
        part: Part,
        *,
        paging: Paging = DEFAULT_PAGING,
        parks: Parks | None = None,
    ) -> None:
        is_by_stream = definition.spread.category is not None and part.shard.of > 1
        where = LogFilter(types=definition.event_names, slices=part.shard.slices if is_by_stream else None)
        super().__init__(definition.table, where, source, store, part, paging)
        self._folder = Folder(definition, events, part.shard)
        self._lookups = _lookups(definition, store, part.generation)
        self._lot: Lot | None = None
        if parks is not None and isinstance(store, ParkingLot):
            self._lot = Lot(store, part.generation, part.shard.number, definition.view, parks)
            reading = Reading(source, where, paging)
            self._mender = Mender(self._folder, reading, store, part.generation, self._lot)

    async def mend(self, at: Checkpoint) -> int:
        """Try a parked row again, if one is due."""
        if self._lot is None:
            return 0
        await self._lot.look()
        failures = self._mender.failures
        moved = await self._mender.mend(at)
        if moved:
            self._say(failed=self._status.failed + self._mender.failures - failures)
            await self._lot.look()
        self.progress.parked = self._lot.stuck
        return moved

    async def read_parked(self) -> Mapping[Key, Stuck]:
        """The rows that the store has parked, each with what waits for it."""
        if self._lot is None:
            return {}
        self._lot.forget()
        return await self._lot.read_stuck()

    async def keep(self, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint) -> None:
        """Fold *events* into their rows: one bulk read, one bulk write with the checkpoint and what is parked."""
        folded = None
        try:
            folded = await self._fold(events, expected.position)
            await self._save(folded, events, expected, reached)
        except (EventFailedError, LeaseLostError, UnavailableError):
            raise
        except Exception as error:
            if folded is None or not self._may_park_all(folded, events, error):
                raise unsound(events, error) from error
            failed = _all_failed(folded, events[0], error)
            await self._save(failed, events, expected, reached)

    def _may_park_all(self, folded: Folded, events: Sequence[RecordedEvent], error: Exception) -> bool:
        """Whether it is the rows of one event that the store does not take, and not the store that is broken."""
        is_one = len(events) == 1 and bool(folded.changes) and not any(change.table for change in folded.changes)
        return self._lot is not None and is_one and not isinstance(error, StoreUnusableError)

    async def _fold(self, events: Sequence[RecordedEvent], after: int) -> Folded:
        load = partial(self._store.load, self.generation, self.shard.number)
        if self._lot is None:
            return Folded(await self._folder.changes(events, after, load, lookups=self._lookups), [], {})
        folded = await self._folder.fold(events, after, load, parked=self._lot.rows, lookups=self._lookups)
        if folded.failed:
            self._say(failed=self._status.failed + len(folded.failed))
        return folded

    async def _save(self, folded: Folded, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint) -> None:
        generation, shard, lot = self.generation, self.shard.number, self._lot
        parkings = [] if lot is None else lot.parkings(folded, events)
        if lot is None or not parkings:
            await self._store.save(generation, shard, folded.changes, expected, reached)
            return
        try:
            await self._store.save(generation, shard, folded.changes, expected, reached, parkings)
        except BaseException:
            lot.forget()
            raise
        lot.keep(parkings)
        self.progress.parked = lot.stuck


def _lookups(definition: ViewDefinition[Any], store: ViewStore, generation: Generation) -> StoredLookups | None:
    """Where the rows are that the view looks up, if it does. Raises MisuseError when the store can keep none."""
    if not definition.lookups:
        return None
    if not isinstance(store, LookupRows):
        told = f"the view {definition.name} looks rows up, and {type(store).__name__} cannot keep them with its own"
        raise MisuseError(f"{told}; fold it in a store that does, or give its rows keys that its events carry")
    return StoredLookups(store, generation)


def _all_failed(folded: Folded, event: RecordedEvent, error: Exception) -> Folded:
    """What is to be done when the store did not take the rows of one *event*: all of them are parked, and those of
    them that are well come back when each is tried again by itself.
    """
    failed = [RowFailed(change.key, event, error, (event.position,)) for change in folded.changes]
    return Folded([], folded.failed + failed, folded.queued)
