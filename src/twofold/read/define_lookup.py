"""Reading what a view looks up, when the app is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from twofold.messages.declaration import declaration
from twofold.messages.folding import Fold, folds_of
from twofold.messages.lookup import Lookup
from twofold.read.columns import stored_value
from twofold.read.row_key import field_names, key_getter
from twofold.read.view import KeyOf, LeadsTo, LookedUp, Route, View, ViewDefinition
from twofold.read.view_store import Column, Key, Kind

Define = Callable[[type[View]], ViewDefinition[Any]]


class LookupReader:
    """Reads the lookups of one view, and collects what is wrong with them.

    Args:
        view: the view's name.
        key: its key columns.
        define: reads a View class.
    """

    def __init__(self, view: str, key: Sequence[Column], define: Define) -> None:
        self.faults: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self.functions: list[Callable[..., Any]] = []
        self._view, self._key, self._define = view, key, define
        self._read: dict[type, ViewDefinition[Any] | None] = {}
        self._fields: dict[str, set[tuple[str, ...]]] = {}

    @property
    def lookups(self) -> dict[str, ViewDefinition[Any]]:
        """What is looked up, by the name of its table, with an index for each way in which it is asked."""
        found = {each.name: each for each in self._read.values() if each is not None}
        for name, asked in self._fields.items():
            table = found[name].table
            indexes = sorted(fields for fields in asked if table.key[: len(fields)] != fields)
            found[name].table = table._replace(indexes=tuple(dict.fromkeys([*table.indexes, *indexes])))
        return found

    def route(self, fold: Fold, lookup: Lookup, stream_key: str | None) -> Route | None:
        """How *fold* finds its rows; None, with a fault more, when it cannot."""
        definition = self._definition(lookup.view)
        if definition is None or not self._are_known(fold, lookup, definition):
            return None
        names = tuple(name for name, _ in lookup.fields)
        sources = [attrgetter(source) if isinstance(source, str) else source for _, source in lookup.fields]
        columns = [definition.columns[name] for name in names]

        def values_of(event: Any) -> Key:
            values = [source(event) for source in sources]
            return tuple(stored_value(column, value) for column, value in zip(columns, values, strict=True))

        key_of, parts = self._key_of(fold, definition, stream_key)
        if key_of is None:
            return None
        how = LookedUp(definition.name, names, values_of, key_of, parts)
        self._fields.setdefault(definition.name, set()).add(names)
        self.functions += [source for _, source in lookup.fields if not isinstance(source, str)]
        said = ", ".join(f"{name}={source if isinstance(source, str) else 'code'}" for name, source in lookup.fields)
        self.marks.append((f"lookup {fold.function.__name__}", f"{definition.name}({said})"))
        return Route(fold.event, fold.function, _none, None, lookup=how)

    def _definition(self, cls: type[View]) -> ViewDefinition[Any] | None:
        if cls not in self._read:
            self._read[cls] = self._defined(cls)
        return self._read[cls]

    def _defined(self, cls: type[View]) -> ViewDefinition[Any] | None:
        if not _is_view(cls):
            self.faults.append(f"view {self._view} looks up {cls!r}, which is no View class")
            return None
        name = declaration(cls).name
        if _looks_up(cls):
            self.faults.append(
                f"view {self._view} looks up {name}, which looks rows up itself: rows that are looked up"
                " are found by their keys alone, and are a class of their own"
            )
            return None
        found = self._define(cls)
        self.faults += [f"{fault} (it is looked up by {self._view})" for fault in found.faults]
        if found.faults:
            return None
        if found.spread.shards > 1:
            self.faults.append(f"view {self._view} looks up {name}, which cannot have shards")
            return None
        found.name = f"{self._view}.{name}"
        if any(each is not None and each.name == found.name for each in self._read.values()):
            self.faults.append(f"view {self._view} looks up two views that are called {name}")
        found.table = found.table._replace(view=found.name)
        self.marks.append((f"lookup {name}", found.table.fingerprint))
        return found

    def _are_known(self, fold: Fold, lookup: Lookup, definition: ViewDefinition[Any]) -> bool:
        where = f"view {self._view}: {fold.function.__name__}"
        told, before = field_names(fold.event), len(self.faults)
        if not lookup.fields:
            self.faults.append(f"{where} looks up {definition.name} by no field")
        if len(dict(lookup.fields)) < len(lookup.fields):
            self.faults.append(f"{where} looks up {definition.name} by a field that is named twice")
        for name, source in lookup.fields:
            column = definition.columns.get(name)
            if column is None:
                self.faults.append(f"{where} looks up {definition.name} by {name!r}, which is not one of its fields")
            elif column.kind is Kind.JSON:
                self.faults.append(f"{where} looks up {definition.name} by {name}, which is nested")
            if isinstance(source, str) and source not in told:
                event = fold.event.__name__
                self.faults.append(f"{where} looks up {name} by {source!r}, which is not a field of {event}")
        return len(self.faults) == before

    def _key_of(
        self, fold: Fold, definition: ViewDefinition[Any], stream_key: str | None
    ) -> tuple[LeadsTo | None, tuple[tuple[int, str], ...]]:
        """How a row that was found and the event make a key, and the parts of it that are in the other's key."""
        getters: list[KeyOf | str] = []
        for column in self._key:
            found = definition.columns.get(column.name)
            getter = column.name if found is not None else key_getter(fold.event, (column,), stream_key)
            if found is not None and found.kind is not column.kind:
                self.faults.append(
                    f"view {self._view}: its key {column.name} is {column.kind.value}, and that of"
                    f" {definition.name} is {found.kind.value}"
                )
                return None, ()
            if found is None and isinstance(getter, str):
                self.faults.append(
                    f"view {self._view}: {fold.function.__name__} cannot give the key {column.name!r}:"
                    f" it is a field neither of {definition.name} nor of {fold.event.__name__}"
                )
                return None, ()
            getters.append(getter)
        names = [getter for getter in getters if isinstance(getter, str)]
        if not names:
            self.faults.append(
                f"view {self._view}: {fold.function.__name__} looks up {definition.name}, which has no"
                " field of the view's key"
            )
            return None, ()

        def key_of(event: Any, stream: str, values: Mapping[str, Any]) -> Key | None:
            if None in [values[name] for name in names]:
                return None
            return tuple([values[one] if isinstance(one, str) else one(event, stream)[0] for one in getters])

        parts = [(place, one) for place, one in enumerate(getters) if isinstance(one, str)]
        return key_of, tuple((place, one) for place, one in parts if one in definition.table.key)


def _none(_event: Any, _stream: str) -> Sequence[Key]:
    return ()


def _is_view(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, View)


def _looks_up(cls: type) -> bool:
    try:
        return any(isinstance(fold.grouping.keys, Lookup) for fold in folds_of(cls))
    except (TypeError, NameError):
        return False
