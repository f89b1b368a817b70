"""The rows that a view looks up, while a batch is folded: they are folded first, and read as of each event."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from twofold.errors import FoldError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.read.plan import Slot, change_of, check_gone
from twofold.read.view import LookedUp, ViewDefinition
from twofold.read.view_store import (
    Condition,
    Generation,
    Key,
    LookupRows,
    RowChange,
    Search,
    StoredRow,
)

MOST = 100_000
"""Most rows that the lookups of one batch may find; a batch with more is folded event by event."""

_Fields = tuple[str, ...]
Happened = tuple[RecordedEvent, Any]
"""An event as it is in the log, and as an object."""


class TooManyHeldError(Exception):
    """More rows would have to be looked up than are held at once. Never leaves this room."""


class Sheet:
    """Some rows of one lookup, or all of them, and which of them have certain values.

    Args:
        definition: how they are folded.
        is_whole: whether every row that is not here is nowhere.
        wanted: tells by their keys which rows are kept at all.
    """

    def __init__(
        self, definition: ViewDefinition[Any], *, is_whole: bool = False, wanted: Callable[[Key], bool] | None = None
    ) -> None:
        self._definition, self._is_whole, self._wanted = definition, is_whole, wanted
        self._slots: dict[Key, Slot] = {}
        self._values: dict[Key, Mapping[str, Any]] = {}
        self._groups: dict[_Fields, dict[Key, dict[Key, None]]] = {}

    def expect(self, fields: _Fields, values: Iterable[Key] = ()) -> None:
        """Rows are going to be asked for by these *fields*: with these *values*, or, on a whole sheet, with any."""
        group = self._groups.setdefault(fields, {})
        for each in values:
            group.setdefault(each, {})

    def fill(self, rows: Mapping[Key, StoredRow]) -> None:
        """Rows as they are stored. All that are going to be asked for were expected before."""
        for key, stored in rows.items():
            if key not in self._slots:
                self._slots[key] = Slot(key, self._definition.row(stored.values), stored.position)
                self._place(key, stored.values)

    def fold(self, event: Any, stream: str, position: int) -> None:
        """Fold one event into the rows it belongs to. Raises what is wrong with it."""
        for route in self._definition.routes.get(type(event), ()):
            for given in route.keys_of(event, stream):
                key = self._definition.stored_key(given)
                if self._wanted is None or self._wanted(key):
                    self._fold(key, position, event, route.fold)

    def _fold(self, key: Key, position: int, event: Any, fold: Callable[[Any, Any], Any]) -> None:
        slot = self._slots.setdefault(key, Slot(key))
        if slot.row is None:
            slot.row = self._definition.new_row(key)
        result = fold(slot.row, event)
        if result is not None:
            check_gone(result)
            slot.row = None
        slot.position, slot.touched = position, True
        change = change_of(self._definition, slot)
        self._place(key, change.values)
        if self._is_whole:
            self._tidy(slot)

    def _tidy(self, slot: Slot) -> None:
        if slot.row is None:
            del self._slots[slot.key]
        elif len(self._slots) > MOST:
            raise TooManyHeldError(f"{self._definition.name} has more than {MOST} rows, too many to be held at once")

    def _place(self, key: Key, values: Mapping[str, Any] | None) -> None:
        """Note what the row's values are now."""
        before = self._values.pop(key, None)
        for fields, group in self._groups.items():
            if before is not None:
                self._leave(group, _of(before, fields), key)
            if values is None:
                continue
            now = _of(values, fields)
            if self._is_whole or now in group:
                group.setdefault(now, {})[key] = None
        if values is not None:
            self._values[key] = values

    def _leave(self, group: dict[Key, dict[Key, None]], values: Key, key: Key) -> None:
        members = group.get(values, {})
        members.pop(key, None)
        if self._is_whole and not members:
            group.pop(values, None)

    def found(self, fields: _Fields, values: Key) -> Iterator[Mapping[str, Any]]:
        """The values of the rows that have these, as things stand now."""
        for key in self._groups[fields].get(values, ()):
            yield self._values[key]

    def changes(self) -> list[RowChange]:
        """The rows that were folded, as they are to be stored."""
        touched = [slot for slot in self._slots.values() if slot.touched]
        return [change_of(self._definition, slot)._replace(table=self._definition.name) for slot in touched]


class Sheets:
    """The lookups of one view while it is folded.

    Args:
        definition: the view.
        sheets: of each of its lookups, by table name.
    """

    def __init__(self, definition: ViewDefinition[Any], sheets: Mapping[str, Sheet]) -> None:
        self._definition, self._sheets = definition, sheets
        for lookup in lookups_of(definition):
            sheets[lookup.table].expect(lookup.fields)

    @classmethod
    def whole(cls, definition: ViewDefinition[Any], only: Iterable[Key] | None = None) -> Sheets:
        """Such that begin empty and hold everything from then on.

        With *only*, stored keys of the view, rows that can lead to no others than these are held alone.
        """
        keys = None if only is None else list(only)
        wanted = {name: _wanted(name, definition, keys) for name in definition.lookups}
        sheets = {
            name: Sheet(lookup, is_whole=True, wanted=wanted[name]) for name, lookup in definition.lookups.items()
        }
        return cls(definition, sheets)

    def __getitem__(self, name: str) -> Sheet:
        """The one of that lookup."""
        return self._sheets[name]

    def take(self, event: Any, stream: str, position: int) -> list[Key] | None:
        """Fold the next event into what is looked up, and look up the rows of the view it belongs to.

        Gives their stored keys; None when they are not to be looked up.
        """
        for sheet in self._sheets.values():
            sheet.fold(event, stream, position)
        for route in self._definition.routes.get(type(event), ()):
            if route.lookup is not None:
                return self._look_up(route.lookup, event, stream)
        return None

    def _look_up(self, lookup: LookedUp, event: Any, stream: str) -> list[Key]:
        stored_key = self._definition.stored_key
        rows = self._sheets[lookup.table].found(lookup.fields, lookup.values_of(event))
        keys = [lookup.key_of(event, stream, values) for values in rows]
        return list(dict.fromkeys(stored_key(key) for key in keys if key is not None))

    def changes(self) -> list[RowChange]:
        """The rows that were folded, as they are to be stored."""
        return [change for sheet in self._sheets.values() for change in sheet.changes()]


def lookups_of(definition: ViewDefinition[Any]) -> list[LookedUp]:
    """Every way in which the view looks rows up."""
    routes = [route for several in definition.routes.values() for route in several]
    return [route.lookup for route in routes if route.lookup is not None]


def _of(values: Mapping[str, Any], fields: _Fields) -> Key:
    return tuple([values[name] for name in fields])


def _wanted(name: str, definition: ViewDefinition[Any], only: list[Key] | None) -> Callable[[Key], bool] | None:
    """Which rows of a lookup can lead to rows of *only*, where their keys tell."""
    ways = [lookup for lookup in lookups_of(definition) if lookup.table == name]
    if only is None or not all(way.parts for way in ways):
        return None
    key = definition.lookups[name].table.key
    tests: list[tuple[list[int], Container[Key]]] = [
        ([key.index(part) for _, part in way.parts], {tuple(each[place] for place, _ in way.parts) for each in only})
        for way in ways
    ]
    return lambda row: any(tuple([row[place] for place in places]) in among for places, among in tests)


# --- from a store -------------------------------------------------------------------------


class StoredLookups(NamedTuple):
    """Where the rows of a generation's lookups are."""

    store: LookupRows
    generation: Generation

    async def sheets(self, definition: ViewDefinition[Any], events: Sequence[Happened]) -> Sheets:
        """What *events*, which are the next to be folded, need: the rows that they touch and those they look up.

        Raises FoldError when these are more than are held at once.
        """
        sheets = Sheets(definition, {name: Sheet(lookup) for name, lookup in definition.lookups.items()})
        asked = _asked(definition, events)
        for (name, fields), values in asked.items():
            sheets[name].expect(fields, values)
        found = 0
        for (name, fields), values in asked.items():
            lookup = definition.lookups[name]
            for search in _searches(fields, values):
                rows = await self.store.find_lookup(self.generation, lookup.table, search)
                found += len(rows)
                if found > MOST:
                    raise FoldError(f"more than {MOST} rows of {name} are found at once, and so many are not folded")
                sheets[name].fill({lookup.key_of(row.values): row for row in rows})
        for name, keys in _touched(definition, events).items():
            sheets[name].fill(await self.store.load_lookup(self.generation, definition.lookups[name].table, keys))
        return sheets


def _asked(definition: ViewDefinition[Any], events: Sequence[Happened]) -> dict[tuple[str, _Fields], dict[Key, None]]:
    """The values by which *events* look rows up, each once."""
    asked: dict[tuple[str, _Fields], dict[Key, None]] = {}
    for _, event in events:
        for route in definition.routes.get(type(event), ()):
            if (how := route.lookup) is not None:
                asked.setdefault((how.table, how.fields), {})[how.values_of(event)] = None
    return asked


def _touched(definition: ViewDefinition[Any], events: Sequence[Happened]) -> dict[str, list[Key]]:
    """The stored keys of the rows of lookups that *events* belong to."""
    touched: dict[str, dict[Key, None]] = {}
    for name, lookup in definition.lookups.items():
        for recorded, event in events:
            for route in lookup.routes.get(type(event), ()):
                keys = map(lookup.stored_key, route.keys_of(event, recorded.stream))
                touched.setdefault(name, {}).update(dict.fromkeys(keys))
    return {name: list(keys) for name, keys in touched.items()}


def _searches(fields: _Fields, values: Iterable[Key]) -> Iterator[Search]:
    """Searches for the rows that have any of *values*: together where that can be said."""
    alone = [each for each in values if len(fields) > 1 or None in each]
    together = tuple([each[0] for each in values if len(fields) == 1 and None not in each])
    if together:
        yield Search((Condition(fields[0], "in", together),), limit=MOST + 1)
    for each in alone:
        conditions = [Condition(name, "eq", value) for name, value in zip(fields, each, strict=True)]
        yield Search(tuple(conditions), limit=MOST + 1)
