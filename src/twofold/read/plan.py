"""What a batch of events does to rows: planned first, then folded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from twofold.errors import FoldError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.read.view import Gone, ViewDefinition
from twofold.read.view_store import Key, RowChange, StoredRow

_NEVER = 2**63
"""The position of a row that is to fold nothing more in this batch."""

Fold = Callable[[Any, Any], Any]
Load = Callable[[Sequence[Key]], Awaitable[dict[Key, StoredRow]]]


class RowFailed(NamedTuple):
    """A row that cannot fold an event, and why. It is as it was before; `waiting` are the positions of all events of
    the batch that it has not folded, that one first.
    """

    key: Key
    event: RecordedEvent
    cause: Exception
    waiting: Sequence[int]


class Folded(NamedTuple):
    """What a batch makes of the rows it touches.

    `failed` are the rows that got stuck, by position of the event they got stuck at; `queued` are the positions of
    the events of rows that were parked already, by key.
    """

    changes: list[RowChange]
    failed: list[RowFailed]
    queued: dict[Key, list[int]]


class Slot(msgspec.Struct):
    """A row while its batch is folded; `row` None means that there is none."""

    key: Key
    row: Any = None
    position: int = 0
    touched: bool = False


Step = tuple[RecordedEvent, Any, Fold, Slot]


class Plan:
    """What a batch does: its steps in order, and the rows they touch by stored key.

    Rows that are `parked` fold nothing; with `only` no other row does. `failing` are those that an event failed on,
    `queued` the positions for those that were parked. `known` has the rows by the keys that events gave, and
    `looked_up` the keys that were looked up, by position.
    """

    def __init__(
        self, parked: Container[Key], only: Collection[Key] | None, looked_up: Mapping[int, Sequence[Key]] | None = None
    ) -> None:
        self.steps: list[Step] = []
        self.slots: dict[Key, Slot] = {}
        self.known: dict[Key, Slot] = {}
        self.parked, self.only, self.looked_up = parked, only, looked_up
        self.queued: dict[Key, list[int]] = {}
        self.failing: dict[Key, Slot] = {}

    def found(self, position: int) -> Iterable[Key]:
        """The rows that the event at *position* looks up; if that was done before, they are those that are wanted."""
        return self.looked_up.get(position, ()) if self.looked_up is not None else self.only or ()

    def fails(self, slot: Slot) -> None:
        """Fold nothing more into this row: it is looked at by itself, at the end."""
        slot.position, slot.touched = _NEVER, False
        self.failing[slot.key] = slot

    def steps_of(self, keys: Container[Key]) -> dict[Key, list[Step]]:
        """The steps of some rows."""
        found: dict[Key, list[Step]] = {}
        for step in self.steps:
            if step[3].key in keys:
                found.setdefault(step[3].key, []).append(step)
        return found


def change_of(definition: ViewDefinition[Any], slot: Slot) -> RowChange:
    """The row as it is to be stored. Raises what is wrong with it."""
    if slot.row is None:
        return RowChange(slot.key, None, slot.position)
    values = definition.values(slot.row)
    if definition.key_of(values) != slot.key:
        raise FoldError(f"a fold changed the key of row {slot.key!r}")
    return RowChange(slot.key, values, slot.position)


def check_gone(result: Any) -> None:
    """Raises FoldError for what a fold may not return."""
    if result is not Gone and not isinstance(result, Gone):
        raise FoldError(f"a fold returned {result!r}; it changes self and returns None, or returns Gone")
