"""Given events, then rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from twofold.messages.declaration import declaration
from twofold.messages.folding import Fold, folds_of
from twofold.messages.lookup import Lookup
from twofold.read.define_view import define_view
from twofold.read.lookups import Sheets
from twofold.read.row_key import field_names
from twofold.read.view import Gone, Route, View, ViewDefinition
from twofold.read.view_store import Key
from twofold.testing.failures import ImpureFoldError, ScenarioFailedError, difference
from twofold.testing.storage import restored_row, stored

V = TypeVar("V", bound=View)


class _Given(NamedTuple):
    event: Any
    of: str


class ViewScenario(Generic[V]):
    """A view with a history. Every `given` gives a new scenario, so one may be the start of several tests.

    Each event gets the next position, is folded once by each row it belongs to, and each row is stored and loaded
    between any two events. A fold is run twice and has to give the same.
    """

    def __init__(self, cls: type[V], history: Sequence[_Given] = ()) -> None:
        self._cls = cls
        self._history = tuple(history)
        self._definition = defined_alone(cls)
        self._folded: dict[Key, V] | None = None

    def given(self, *events: Any, of: Any = "") -> ViewScenario[V]:
        """Add *events* to the history, as they come back from storage.

        *of* is the id of the stream they are in, for events that do not carry the row's key themselves.
        Raises ScenarioFailedError for an event that the view does not fold, UnstorableError.
        """
        for event in events:
            if type(event) not in self._definition.events:
                raise ScenarioFailedError(f"{self._cls.__name__} does not fold {type(event).__name__}")
        given = (_Given(stored(event, "event"), str(of)) for event in events)
        return ViewScenario(self._cls, (*self._history, *given))

    @property
    def rows(self) -> dict[Key, V]:
        """Every row by its key, which is a tuple also when it has one part.

        Raises ImpureFoldError, UnstorableError, ScenarioFailedError; what a fold raises goes through.
        """
        if self._folded is None:
            rows: dict[Key, V] = {}
            lookups = Sheets.whole(self._definition)
            for position, given in enumerate(self._history, 1):
                for key, routes in self._touched(given, position, lookups).items():
                    self._fold(rows, key, routes, given.event)
            self._folded = rows
        return dict(self._folded)

    def row(self, key: Any) -> V | None:
        """The row with *key* (a tuple for a composite key), or None."""
        return self.rows.get(self._definition.asked_key(key))

    def then_row(self, key: Any, **fields: Any) -> ViewScenario[V]:
        """Expect a row with *key* whose *fields* have these values; others are not looked at.

        Raises ScenarioFailedError with the difference.
        """
        row = self.row(key)
        if row is None:
            raise ScenarioFailedError(f"{self._cls.__name__} has no row {key!r}; it has {sorted(self.rows)}")
        actual = {name: getattr(row, name) for name in fields}
        if actual != fields:
            raise ScenarioFailedError(
                f"row {key!r} of {self._cls.__name__} is otherwise:\n{difference(fields, actual)}"
            )
        return self

    def then_no_row(self, key: Any) -> ViewScenario[V]:
        """Expect no row with *key*: there never was one, or it is gone. Raises ScenarioFailedError."""
        row = self.row(key)
        if row is not None:
            raise ScenarioFailedError(f"{self._cls.__name__} has a row {key!r}:\n{row!r}")
        return self

    def _touched(self, given: _Given, position: int, lookups: Sheets) -> Mapping[Key, list[Route]]:
        """The rows an event belongs to, with what folds it there."""
        touched: dict[Key, list[Route]] = {}
        stream = f"stream-{given.of}"
        found = lookups.take(given.event, stream, position) or ()
        for route in self._definition.routes.get(type(given.event), ()):
            for key in found if route.lookup is not None else route.keys_of(given.event, stream):
                touched.setdefault(self._definition.stored_key(key), []).append(route)
        return touched

    def _fold(self, rows: dict[Key, V], key: Key, routes: Sequence[Route], event: Any) -> None:
        before = rows.get(key)
        first, again = (self._folded_once(before, key, routes, event) for _ in range(2))
        if first != again:
            names = ", ".join(route.fold.__name__ for route in routes)
            raise ImpureFoldError(
                f"{self._cls.__name__}.{names} gave two results for {event!r}:\n{difference(first, again)}"
            )
        if first is None:
            rows.pop(key, None)
        else:
            rows[key] = first

    def _folded_once(self, before: V | None, key: Key, routes: Sequence[Route], event: Any) -> V | None:
        row = self._definition.new_row(key) if before is None else restored_row(self._definition, before)
        results = [route.fold(row, event) for route in routes]
        if any(result is Gone or isinstance(result, Gone) for result in results):
            return None
        unexpected = next((result for result in results if result is not None), None)
        if unexpected is not None:
            raise ScenarioFailedError(f"a fold returned {unexpected!r}; it changes self and returns None or Gone")
        row = restored_row(self._definition, row)
        if any(getattr(row, name) != part for name, part in zip(self._definition.table.key, key, strict=True)):
            raise ScenarioFailedError(f"a fold changed the key of row {key!r} of {self._cls.__name__}")
        return row


def defined_alone(cls: type[V]) -> ViewDefinition[V]:
    """The view read on its own: the one part of its key that an event has no field for is the id of its stream."""
    missing: dict[type, set[str]] = {}
    for view, fold in _folds(cls):
        keys = fold.grouping.keys
        given = {*field_names(fold.event), *(field_names(keys.view) if isinstance(keys, Lookup) else ())}
        missing.setdefault(fold.event, set()).update(name for name in declaration(view).key if name not in given)
    definition = define_view(cls, {event: next(iter(names)) for event, names in missing.items() if len(names) == 1})
    if definition.faults:
        raise ScenarioFailedError("\n".join(definition.faults))
    return definition


def _folds(cls: type) -> Iterator[tuple[type, Fold]]:
    """The folds of a view and of those that it looks up, each with whose it is."""
    for fold in folds_of(cls):
        yield cls, fold
        if isinstance(keys := fold.grouping.keys, Lookup) and issubclass(keys.view, View) and keys.view is not cls:
            yield from ((keys.view, each) for each in folds_of(keys.view))
