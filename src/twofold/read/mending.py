"""Parked rows tried again: what waits for one is folded in order, page by page, each page in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from twofold.errors import LeaseLostError, StoreUnusableError, UnavailableError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import LogFilter
from twofold.read.batch import EventFailedError, Folder
from twofold.read.follower import Paging
from twofold.read.lot import Lot, ParkingStore, shown
from twofold.read.parking import DISCARD_ALL, DISCARD_ONE, DUE, Parked, Parking
from twofold.read.plan import Folded, RowFailed
from twofold.read.source import Source
from twofold.read.view_store import Checkpoint, Generation, Key

NEAR = 512
"""Events that wait within so many positions of each other are read at once."""

_log = logging.getLogger("twofold.read")


class Reading(NamedTuple):
    """Where the events of a shard are: in which log, which of them, and how many are taken at a time."""

    source: Source
    where: LogFilter
    paging: Paging


class Mender:
    """Tries parked rows of one shard again. Only for whoever folds the shard, and between its batches.

    Args:
        folder: folds for that shard.
        reading: where its events are.
        store: where its rows are.
        generation: which built copy.
        lot: what is parked; known to be out of date after each try.

    `failures` counts the tries that failed.
    """

    def __init__(self, folder: Folder, reading: Reading, store: ParkingStore, generation: Generation, lot: Lot) -> None:
        self._folder, self._reading, self._store = folder, reading, store
        self._generation, self._lot = generation, lot
        self.failures = 0
        self._one_by_one: set[Key] = set()

    async def mend(self, at: Checkpoint) -> int:
        """Try the row that is due, if one is, with the first page of what waits for it; returns how many events.

        The checkpoint stays where it is, *at*. Raises LeaseLostError when it is not there, and UnavailableError when a
        store does not answer.
        """
        parked = self._lot.next_due()
        if parked is None:
            return 0
        try:
            return await self._try(parked, at)
        finally:
            self._lot.forget()

    async def _try(self, parked: Parked, at: Checkpoint) -> int:
        limit = 1 if parked.key in self._one_by_one else self._reading.paging.events
        waiting = await self._store.parked_events(self._generation, parked.shard, parked.key, limit)
        asked = parked.failure.retry_at if waiting[:1] == [parked.failure.position] else DUE
        if asked == DISCARD_ALL:
            return await self._discard_all(parked, at)
        return await self._fold_on(parked, waiting, 1 if asked == DISCARD_ONE else 0, at)

    async def _discard_all(self, parked: Parked, at: Checkpoint) -> int:
        await self._save(parked, at, Folded([], [], {}), Parking(parked.key, None, done=parked.last))
        self._say(parked, f"goes on without {parked.waiting} events, up to position {parked.last}")
        return parked.waiting

    async def _fold_on(self, parked: Parked, waiting: Sequence[int], skip: int, at: Checkpoint) -> int:
        discarded = waiting[:skip]
        events, done = await self._events(waiting[skip:])
        folded = await self._fold(parked.key, events)
        try:
            await self._save(parked, at, folded, self._parking(parked, folded, max([done, *discarded])))
        except (LeaseLostError, UnavailableError, StoreUnusableError):
            raise
        except Exception as error:  # noqa: BLE001 - told by the row that is parked because of it
            if not await self._is_parked_again(parked, events, error, at):
                return 1
        if discarded:
            self._say(parked, f"goes on without the event at position {discarded[0]}")
        return max(1, len(waiting))

    async def _is_parked_again(
        self, parked: Parked, events: Sequence[RecordedEvent], error: Exception, at: Checkpoint
    ) -> bool:
        """The store did not take the row. Which event made it so is found by folding one at a time, from now on."""
        if not events:
            raise error
        if len(events) > 1:
            self._one_by_one.add(parked.key)
            return False
        stuck = Folded([], [RowFailed(parked.key, events[0], error, ())], {})
        await self._save(parked, at, stuck, self._parking(parked, stuck, 0))
        return True

    def _parking(self, parked: Parked, folded: Folded, done: int) -> Parking:
        for stuck in folded.failed:
            self.failures += 1
            return Parking(parked.key, self._lot.failure(stuck), done=stuck.event.position - 1)
        if done < parked.last:
            return Parking(parked.key, parked.failure._replace(retry_at=DUE), done=done)
        return Parking(parked.key, None, done=done)

    async def _save(self, parked: Parked, at: Checkpoint, folded: Folded, parking: Parking) -> None:
        await self._store.save(self._generation, parked.shard, folded.changes, at.mark, at, [parking])
        if parking.failure is None:
            self._one_by_one.discard(parked.key)
            _log.info("row %s of %s is no longer parked", shown(parked.key), self._generation.view)

    async def _fold(self, key: Key, events: Sequence[RecordedEvent]) -> Folded:
        load = partial(self._store.load, self._generation, self._lot.shard)
        try:
            return await self._folder.fold(events, 0, load, only=(key,))
        except EventFailedError as failed:
            before = [event for event in events if event.position < failed.event.position]
            folded = await self._fold(key, before)
            stuck = RowFailed(key, failed.event, failed.cause, ())
            return folded if folded.failed else folded._replace(failed=[stuck])

    async def _events(self, positions: Sequence[int]) -> tuple[list[RecordedEvent], int]:
        """The events at *positions*, as many of them as are taken at a time, and the last position that was read."""
        source, where, paging = self._reading
        found: list[RecordedEvent] = []
        left, done, size = list(positions), 0, 0
        while left and size < paging.max_bytes:
            near = [position for position in left if position < left[0] + NEAR]
            after, span = left[0] - 1, near[-1] - near[0] + 1
            page = await source.read_log(after, where=where, limit=span, max_bytes=paging.max_bytes - size)
            wanted = {position for position in near if position <= page.reached}
            found += [event for event in page.events if event.position in wanted]
            size += sum([len(event.data) for event in page.events])
            left, done = left[len(wanted) :], max(wanted)
        return found, done

    def _say(self, parked: Parked, what: str) -> None:
        name = f"row {shown(parked.key)} of {self._generation.view}"
        _log.warning("%s %s: %s", name, what, parked.failure.cause)
