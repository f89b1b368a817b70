"""One batch of events, folded in memory into the rows they touch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from twofold.errors import FoldError, TwofoldError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.stream import slice_of
from twofold.read.careful import CarefulFolder
from twofold.read.lookups import MOST, Happened, Sheets, StoredLookups
from twofold.read.plan import Fold, Folded, Load, Plan, Slot, Step, change_of, check_gone
from twofold.read.spread import WHOLE, Shard
from twofold.read.view import KeyOf, ViewDefinition
from twofold.read.view_store import Key, RowChange, StoredRow

T = TypeVar("T")
Lookups = Sheets | StoredLookups
BREATH = 256
"""After how many events a batch lets other tasks run."""


class Events(Protocol):
    """Makes event objects of what the log holds; an `EventReader` is one."""

    def decoder(self, name: str, version: int, /) -> Callable[[bytes], Any]:
        """What decodes events stored under *name* and *version* into today's class. Raises UnreadableError."""


class EventFailedError(Exception):
    """A batch met an event that cannot be folded; `cause` says why, and `remedy` what to do if it is not the usual.

    Never leaves this room.
    """

    def __init__(self, event: RecordedEvent, cause: Exception, remedy: str | None = None) -> None:
        super().__init__(str(cause))
        self.event, self.cause, self.remedy = event, cause, remedy


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BREATH):
        yield items[start : start + BREATH]


class UnsoundBatchError(Exception):
    """A batch gave rows that cannot be stored; which event did it is found by folding one at a time."""


def unsound(events: Sequence[RecordedEvent], cause: Exception) -> Exception:
    """The error for a batch whose rows cannot be stored because of *cause*."""
    if not events:
        return cause
    return EventFailedError(events[0], cause) if len(events) == 1 else UnsoundBatchError(str(cause))


class Folder:
    """Folds batches for one view, or for one shard of it: rows of other shards are left alone."""

    def __init__(self, definition: ViewDefinition[Any], events: Events, shard: Shard = WHOLE) -> None:
        self._definition = definition
        self._shard = shard
        self._events = events
        self._careful = CarefulFolder(definition)
        self._decoders: dict[tuple[str, int], Callable[[bytes], Any]] = {}
        self._looking = {lookup_event for lookup in definition.lookups.values() for lookup_event in lookup.routes}
        self._looking |= {event for event, routes in definition.routes.items() if any(route.lookup for route in routes)}
        self._single: dict[type, tuple[Fold, KeyOf]] = {
            event: (routes[0].fold, routes[0].key_of)
            for event, routes in definition.routes.items()
            if len(routes) == 1 and routes[0].key_of is not None
        }

    async def changes(
        self, events: Sequence[RecordedEvent], after: int, load: Load, *, lookups: Lookups | None = None
    ) -> list[RowChange]:
        """As `fold`, but raises EventFailedError at the first event that fails, whatever it fails on."""
        folded = await self.fold(events, after, load, lookups=lookups)
        for failed in folded.failed:
            raise EventFailedError(failed.event, failed.cause) from failed.cause
        return folded.changes

    async def fold(
        self,
        events: Sequence[RecordedEvent],
        after: int,
        load: Load,
        *,
        parked: Container[Key] = (),
        only: Collection[Key] | None = None,
        lookups: Lookups | None = None,
    ) -> Folded:
        """The rows that *events* change, as they are to be; events at or below position *after* change nothing.

        A row on which an event fails is read and folded a second time, with care: a failure that passes does not count.
        Events of rows that are *parked* are only gathered; with *only* no other row is touched. Keys are stored ones.
        Without *lookups* rows that are looked up stay as they are, and *only* are those that were found.

        Raises EventFailedError at the first event of which it is not known which rows it touches.
        """
        looked_up, more_changes = await self._look_up(events, after, lookups)
        plan = Plan(parked, only, looked_up)
        for part in _parts(events):
            self._decode(part, after, plan)
            await asyncio.sleep(0)
        await self._load(plan, load)
        for steps in _parts(plan.steps):
            self._fold(steps, plan)
            await asyncio.sleep(0)
        changes: list[RowChange] = list(more_changes)
        for slots in _parts(list(plan.slots.values())):
            changes += self._changes(slots, plan)
            await asyncio.sleep(0)
        if not plan.failing:
            return Folded(changes, [], plan.queued)
        more, failed = await self._careful.again(plan, load)
        return Folded(changes + more, failed, plan.queued)

    async def _look_up(
        self, events: Sequence[RecordedEvent], after: int, lookups: Lookups | None
    ) -> tuple[dict[int, list[Key]] | None, list[RowChange]]:
        """The keys that each event looks up, by its position, and what becomes of the rows that are looked up."""
        if lookups is None or not self._definition.lookups:
            return None, []
        happened: list[Happened] = []
        for part in _parts(events):
            happened += self._happened(part, after)
            await asyncio.sleep(0)
        sheets = lookups if isinstance(lookups, Sheets) else await lookups.sheets(self._definition, happened)
        found: dict[int, list[Key]] = {}
        count = 0
        for steps in _parts(happened):
            count += _take(steps, sheets, found, MOST - count)
            await asyncio.sleep(0)
        return found, [] if sheets is lookups else sheets.changes()

    def _happened(self, events: Sequence[RecordedEvent], after: int) -> list[Happened]:
        """What of *events* looks rows up, or is folded into some that are."""
        found: list[Happened] = []
        for recorded in events:
            if recorded.position <= after or recorded.type not in self._definition.event_names:
                continue
            try:
                decode = self._decoders.get((recorded.type, recorded.schema_version)) or self._decoder(recorded)
                event = decode(recorded.data)
            except Exception as error:
                raise EventFailedError(recorded, error) from error
            if type(event) in self._looking:
                found.append((recorded, event))
        return found

    async def _load(self, plan: Plan, load: Load) -> None:
        if not plan.slots:
            return
        try:
            rows = await load(list(plan.slots))
        except TwofoldError:
            raise
        except Exception:  # noqa: BLE001 - a row that cannot be read; which one is found when each is read again
            for slot in plan.slots.values():
                plan.fails(slot)
            return
        for part in _parts(list(rows)):
            self._fill(part, rows, plan)
            await asyncio.sleep(0)

    def _decode(self, events: Sequence[RecordedEvent], after: int, plan: Plan) -> None:
        wanted, single, decoders = self._definition.event_names, self._single, self._decoders
        known, add = plan.known, plan.steps.append
        for recorded in events:
            name = recorded.type
            if recorded.position <= after or name not in wanted:
                continue
            try:
                decode = decoders.get((name, recorded.schema_version)) or self._decoder(recorded)
                event = decode(recorded.data)
                route = single.get(event.__class__)
                if route is None:
                    self._group(recorded, event, plan)
                    continue
                key = route[1](event, recorded.stream)
                slot = known.get(key) or self._new_slot(key, recorded, plan)
                if slot is not None:
                    add((recorded, event, route[0], slot))
            except Exception as error:
                raise EventFailedError(recorded, error) from error

    def _new_slot(self, key: Key, recorded: RecordedEvent, plan: Plan) -> Slot | None:
        """A place for the row with this key; None when this event is nothing for it to fold here."""
        stored = self._definition.stored_key(key)
        if self._shard.of > 1 and not self._is_own(stored, recorded):
            return None
        if stored in plan.parked:
            plan.queued.setdefault(stored, []).append(recorded.position)
            return None
        if plan.only is not None and stored not in plan.only:
            return None
        slot = plan.known[key] = plan.slots.setdefault(stored, Slot(stored))
        return slot

    def _is_own(self, key: Key, recorded: RecordedEvent) -> bool:
        spread = self._definition.spread
        part = spread.slice_of(key)
        if spread.category is not None and part != slice_of(recorded.stream):
            raise FoldError(
                f"the rows of {self._definition.name} are spread by the streams of {spread.category}, and "
                f"{recorded.stream} is none of these; give its events the key as a field, or take shards= off the view"
            )
        return self._shard.has(part)

    def _decoder(self, recorded: RecordedEvent) -> Callable[[bytes], Any]:
        version = recorded.schema_version
        decode = self._decoders[recorded.type, version] = self._events.decoder(recorded.type, version)
        return decode

    def _group(self, recorded: RecordedEvent, event: Any, plan: Plan) -> None:
        """An event that touches several rows, or is folded in several ways: one step a row."""
        folds: dict[Key, list[Fold]] = {}
        for route in self._definition.routes.get(type(event), ()):
            keys = route.keys_of(event, recorded.stream) if route.lookup is None else plan.found(recorded.position)
            for key in keys:
                folds.setdefault(key, []).append(route.fold)
        for key, found in folds.items():
            slot = plan.known.get(key) or self._new_slot(key, recorded, plan)
            if slot is not None:
                plan.steps.append((recorded, event, _one_after_another(found), slot))

    def _fill(self, keys: Sequence[Key], rows: Mapping[Key, StoredRow], plan: Plan) -> None:
        row = self._definition.row
        for key in keys:
            stored, slot = rows[key], plan.slots[key]
            try:
                slot.row, slot.position = row(stored.values), stored.position
            except Exception:  # noqa: BLE001 - kept when it fails again
                plan.fails(slot)

    def _fold(self, steps: Sequence[Step], plan: Plan) -> None:
        new_row = self._definition.new_row
        for recorded, event, fold, slot in steps:
            position = recorded.position
            if position <= slot.position:
                continue
            try:
                row = slot.row
                if row is None:
                    row = slot.row = new_row(slot.key)
                result = fold(row, event)
                if result is not None:
                    slot.row = None
                    check_gone(result)
            except Exception:  # noqa: BLE001 - kept when it fails again
                plan.fails(slot)
                continue
            slot.position = position
            slot.touched = True

    def _changes(self, slots: Sequence[Slot], plan: Plan) -> Iterator[RowChange]:
        for slot in slots:
            if not slot.touched:
                continue
            try:
                yield change_of(self._definition, slot)
            except Exception:  # noqa: BLE001 - kept when it fails again
                plan.fails(slot)


def _take(steps: Sequence[Happened], sheets: Sheets, found: dict[int, list[Key]], room: int) -> int:
    """Fill in what the events of *steps* look up; returns how many keys, for which there has to be *room*."""
    count = 0
    for recorded, event in steps:
        try:
            keys = sheets.take(event, recorded.stream, recorded.position)
        except Exception as error:
            raise EventFailedError(recorded, error) from error
        if keys is not None:
            found[recorded.position] = keys
            count += len(keys)
        if count > room:
            raise FoldError(f"more than {MOST} rows are found at once, and so many are not folded")
    return count


def _one_after_another(folds: Sequence[Fold]) -> Fold:
    if len(folds) == 1:
        return folds[0]

    def fold(row: Any, event: Any) -> Any:
        results = [one(row, event) for one in folds]
        return next((result for result in results if result is not None), None)

    return fold


def place_of(event: RecordedEvent) -> str:
    """Which event it is, for people."""
    return f"{event.type} at position {event.position} (version {event.version} of {event.stream})"


def words_of(error: Exception) -> str:
    """What *error* says, with its type where it is not one of ours."""
    return str(error) if isinstance(error, TwofoldError) else f"{type(error).__name__}: {error}"
