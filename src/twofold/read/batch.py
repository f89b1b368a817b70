"""One batch of events, folded in memory into the rows they touch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from twofold.errors import FoldError, TwofoldError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.read.view import Gone, KeyOf, ViewDefinition
from twofold.read.view_store import Key, RowChange, StoredRow

T = TypeVar("T")
BREATH = 256
"""After how many events a batch lets other tasks run."""


class Events(Protocol):
    """Makes event objects of what the log holds; an `EventReader` is one."""

    def decoder(self, name: str, version: int, /) -> Callable[[bytes], Any]:
        """What decodes events stored under *name* and *version* into today's class. Raises UnreadableError."""


Load = Callable[[Sequence[Key]], Awaitable[dict[Key, StoredRow]]]


class EventFailedError(Exception):
    """A batch met an event that cannot be folded; `cause` says why. Never leaves this room."""

    def __init__(self, event: RecordedEvent, cause: Exception) -> None:
        super().__init__(str(cause))
        self.event, self.cause = event, cause


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


class _Slot(msgspec.Struct):
    """A row while its batch is folded; `row` None means that there is none."""

    key: Key
    row: Any = None
    position: int = 0
    touched: bool = False


Fold = Callable[[Any, Any], Any]
_Step = tuple[RecordedEvent, Any, Fold, _Slot]


class _Plan:
    """What a batch does: its steps in order, and the rows they touch by key."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self.slots: dict[Key, _Slot] = {}


class Folder:
    """Folds batches for one view."""

    def __init__(self, definition: ViewDefinition[Any], events: Events) -> None:
        self._definition = definition
        self._events = events
        self._decoders: dict[tuple[str, int], Callable[[bytes], Any]] = {}
        self._single: dict[type, tuple[Fold, KeyOf]] = {
            event: (routes[0].fold, routes[0].key_of)
            for event, routes in definition.routes.items()
            if len(routes) == 1 and routes[0].key_of is not None
        }

    async def changes(self, events: Sequence[RecordedEvent], after: int, load: Load) -> list[RowChange]:
        """The rows that *events* change, as they are to be; events at or below position *after* change nothing.

        Raises EventFailedError at the first event that fails, and UnsoundBatchError when a row cannot be stored.
        """
        plan = _Plan()
        for part in _parts(events):
            self._decode(part, after, plan)
            await asyncio.sleep(0)
        if plan.slots:
            rows = await load([slot.key for slot in plan.slots.values()])
            for keys in _parts(list(rows)):
                self._fill(keys, rows, plan.slots)
                await asyncio.sleep(0)
        for steps in _parts(plan.steps):
            self._fold(steps)
            await asyncio.sleep(0)
        changes: list[RowChange] = []
        try:
            for slots in _parts(list(plan.slots.values())):
                changes += [self._change(slot) for slot in slots if slot.touched]
                await asyncio.sleep(0)
        except TwofoldError as error:
            raise unsound(events, error) from error
        return changes

    def _decode(self, events: Sequence[RecordedEvent], after: int, plan: _Plan) -> None:
        wanted, single, decoders = self._definition.event_names, self._single, self._decoders
        slots, add = plan.slots, plan.steps.append
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
                add((recorded, event, route[0], slots.get(key) or self._new_slot(key, slots)))
            except Exception as error:
                raise EventFailedError(recorded, error) from error

    def _new_slot(self, key: Key, slots: dict[Key, _Slot]) -> _Slot:
        slot = slots[key] = _Slot(self._definition.stored_key(key))
        return slot

    def _decoder(self, recorded: RecordedEvent) -> Callable[[bytes], Any]:
        version = recorded.schema_version
        decode = self._decoders[recorded.type, version] = self._events.decoder(recorded.type, version)
        return decode

    def _group(self, recorded: RecordedEvent, event: Any, plan: _Plan) -> None:
        """An event that touches several rows, or is folded in several ways: one step a row."""
        folds: dict[Key, list[Fold]] = {}
        for route in self._definition.routes.get(type(event), ()):
            for key in route.keys_of(event, recorded.stream):
                folds.setdefault(key, []).append(route.fold)
        for key, found in folds.items():
            slot = plan.slots.get(key) or self._new_slot(key, plan.slots)
            plan.steps.append((recorded, event, _one_after_another(found), slot))

    def _fill(self, keys: Sequence[Key], rows: Mapping[Key, StoredRow], slots: Mapping[Key, _Slot]) -> None:
        row = self._definition.row
        for key in keys:
            stored, slot = rows[key], slots[key]
            slot.row, slot.position = row(stored.values), stored.position

    def _fold(self, steps: Sequence[_Step]) -> None:
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
                    _check_gone(result)
            except Exception as error:
                raise EventFailedError(recorded, error) from error
            slot.position = position
            slot.touched = True

    def _change(self, slot: _Slot) -> RowChange:
        if slot.row is None:
            return RowChange(slot.key, None, slot.position)
        values = self._definition.values(slot.row)
        if self._definition.key_of(values) != slot.key:
            raise FoldError(f"a fold changed the key of row {slot.key!r}")
        return RowChange(slot.key, values, slot.position)


def _one_after_another(folds: Sequence[Fold]) -> Fold:
    if len(folds) == 1:
        return folds[0]

    def fold(row: Any, event: Any) -> Any:
        results = [one(row, event) for one in folds]
        return next((result for result in results if result is not None), None)

    return fold


def _check_gone(result: Any) -> None:
    if result is not Gone and not isinstance(result, Gone):
        raise FoldError(f"a fold returned {result!r}; it changes self and returns None, or returns Gone")
