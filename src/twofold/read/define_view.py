"""Reading a view class once, when the app is put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from twofold.event_store.stream import SLICES
from twofold.messages.declaration import declaration
from twofold.messages.folding import Fold, folds_of
from twofold.messages.lookup import Lookup
from twofold.messages.upcasting import Upcaster
from twofold.read.code_mark import Recipe, code_mark, recipe_of
from twofold.read.columns import column_of
from twofold.read.define_lookup import LookupReader
from twofold.read.row_key import grouped, key_getter, several, stream_part
from twofold.read.spread import Spread
from twofold.read.view import Route, View, ViewDefinition
from twofold.read.view_store import Column, Kind, ViewTable

V = TypeVar("V", bound=View)
RESERVED = frozenset({"sort", "limit", "cursor"})
RESERVED_PREFIXES = ("sqlite_", "twofold_", "pg_")
_NO_KEY_KINDS = frozenset({Kind.JSON, Kind.REAL})


def define_view(
    cls: type[V],
    aggregate_keys: Mapping[type, str] | None = None,
    *,
    categories: Mapping[type, str] | None = None,
    upcasters: Sequence[Upcaster] = (),
) -> ViewDefinition[V]:
    """What *cls* declares. It never raises on a wrong view: `ViewDefinition.faults` says what is wrong with it.

    Args:
        cls: the view.
        aggregate_keys: for each event type the key field of the aggregate that publishes it, if it has one.
        categories: for each event type the category of its streams, if it is in one category only.
        upcasters: the app's; those on the way to this view's events are part of its fingerprint.
    """
    reader = _ClassReader(cls, aggregate_keys or {})
    columns = reader.columns()
    key = declaration(cls).key
    reader.check_key(columns, key)
    key_columns = [column for name in key for column in columns if column.name == name]
    looking = LookupReader(
        reader.name,
        key_columns,
        lambda other: define_view(other, aggregate_keys, categories=categories, upcasters=upcasters),
    )
    routes = reader.routes(key_columns, looking)
    spread = Spread(reader.shards(), key_columns, _category_of(routes, key_columns, categories or {}))
    names, used = _stored_names(routes, upcasters)
    lookups = looking.lookups
    reader.check_names(columns)
    reader.check_lookups(routes, spread)
    indexes = reader.indexes(columns)
    functions = [*(step.function for step in used), *looking.functions]
    mark = ""
    recipe: Recipe = ()
    if not reader.faults:
        mark = code_mark(cls, columns, key, functions, spread.mark, looking.marks)
        recipe = recipe_of(cls, columns, key, functions, spread.mark, looking.marks)
    tables = tuple(lookup.table for lookup in lookups.values())
    table = ViewTable(declaration(cls).name, columns, key, indexes, mark, recipe, tables)
    names = names.union(*(lookup.event_names for lookup in lookups.values()))
    return ViewDefinition(cls, table, routes, event_names=names, spread=spread, faults=reader.faults, lookups=lookups)


def _category_of(
    routes: Mapping[type, Sequence[Route]], key: Sequence[Column], categories: Mapping[type, str]
) -> str | None:
    """The category whose streams' ids are the keys of the view, exactly as they are written, or None."""
    found = {categories.get(event) for event in routes}
    is_stream = all(route.stream_part == 0 for several in routes.values() for route in several)
    if len(found) == 1 and is_stream and [column.kind for column in key] == [Kind.TEXT]:
        return found.pop()
    return None


def _stored_names(events: Iterable[type], upcasters: Sequence[Upcaster]) -> tuple[frozenset[str], list[Upcaster]]:
    """The names under which the log holds *events*, old ones too, and the upcasters that lead to them."""
    names = {declaration(event).name for event in events}
    before: set[str] = set()
    while before != names:
        before = set(names)
        names |= {step.name for step in upcasters if step.to in before}
    return frozenset(names), [step for step in upcasters if step.to in names]


class _ClassReader:
    """Reads one class and collects what is wrong with it."""

    def __init__(self, cls: type[View], aggregate_keys: Mapping[type, str]) -> None:
        self.cls = cls
        self.name = declaration(cls).name
        self.aggregate_keys = aggregate_keys
        self.faults: list[str] = []

    def columns(self) -> tuple[Column, ...]:
        return tuple(column for column in map(self._column, msgspec.structs.fields(self.cls)) if column is not None)

    def _column(self, field: msgspec.structs.FieldInfo) -> Column | None:
        if field.name in RESERVED or "__" in field.name:
            self.faults.append(f"view {self.name}: no field can be called {field.name!r}: it has a meaning in URLs")
        if field.required and field.name not in declaration(self.cls).key:
            self.faults.append(f"view {self.name}: {field.name} needs a default, since a new row has only its key")
        try:
            return column_of(field.name, field.type)
        except (TypeError, NotImplementedError) as error:
            self.faults.append(f"view {self.name}: {field.name}: {error}")
            return None

    def check_names(self, columns: Iterable[Column]) -> None:
        """Names that no store could tell apart, or keeps for itself."""
        if "__" in self.name or not self.name.isidentifier() or self.name.lower().startswith(RESERVED_PREFIXES):
            self.faults.append(f"view {self.name!r} cannot be called so: letters, digits and single underscores")
        seen: dict[str, str] = {}
        for column in columns:
            other = seen.setdefault(column.name.lower(), column.name)
            if other != column.name:
                self.faults.append(f"view {self.name}: {other} and {column.name} differ only in upper and lower case")
            if column.name.startswith("_"):
                self.faults.append(f"view {self.name}: {column.name} begins with an underscore, as stores' own columns")

    def check_key(self, columns: Iterable[Column], key: Sequence[str]) -> None:
        known = {column.name: column for column in columns}
        if not key:
            self.faults.append(f'view {self.name} needs a key: class {self.cls.__name__}(View, key="...")')
        if len(set(key)) < len(key):
            self.faults.append(f"view {self.name}: its key names a field twice")
        for name in key:
            column = known.get(name)
            if column is None:
                self.faults.append(f"view {self.name}: its key {name!r} is not one of its fields")
            elif column.optional or column.kind in _NO_KEY_KINDS:
                self.faults.append(f"view {self.name}: {name} cannot be a key, being optional, a float or nested")

    def shards(self) -> int:
        asked = declaration(self.cls).options.get("shards", 1)
        if type(asked) is int and 1 <= asked <= SLICES:
            return asked
        self.faults.append(f"view {self.name}: shards must be a whole number from 1 to {SLICES}, not {asked!r}")
        return 1

    def indexes(self, columns: Iterable[Column]) -> tuple[tuple[str, ...], ...]:
        asked = declaration(self.cls).options.get("index", ())
        asked = (asked,) if isinstance(asked, str) else asked
        indexes = tuple((entry,) if isinstance(entry, str) else tuple(entry) for entry in asked)
        kinds = {column.name: column.kind for column in columns}
        for name in (name for index in indexes for name in index):
            if name not in kinds:
                self.faults.append(f"view {self.name}: its index {name!r} is not one of its fields")
            elif kinds[name] is Kind.JSON:
                self.faults.append(f"view {self.name}: {name} is nested, and cannot be indexed")
        return indexes

    def check_lookups(self, routes: Mapping[type, Sequence[Route]], spread: Spread) -> None:
        """What rows that are looked up rule out."""
        asked = {event: found for event, found in routes.items() if any(route.lookup for route in found)}
        if asked and spread.shards > 1:
            self.faults.append(f"view {self.name} looks rows up, and can have one shard only: take shards= off it")
        for event, found in asked.items():
            if len(found) > 1:
                self.faults.append(
                    f"view {self.name} looks up the rows of {event.__name__}, and can have no other fold of it"
                )

    def routes(self, key: Sequence[Column], looking: LookupReader) -> dict[type, tuple[Route, ...]]:
        routes: dict[type, tuple[Route, ...]] = {}
        by_itself: set[type] = set()
        for fold in self._folds():
            if fold.grouping.key is None and fold.grouping.keys is None:
                if fold.event in by_itself:
                    self.faults.append(f"view {self.name} has two folds of {fold.event.__name__} for the same row")
                by_itself.add(fold.event)
            route = self._route(fold, key, looking)
            if route is not None:
                routes[fold.event] = (*routes.get(fold.event, ()), route)
        self.faults += looking.faults
        if not routes and not self.faults:
            self.faults.append(f"view {self.name} folds no event (mark its methods with @evolves)")
        return routes

    def _folds(self) -> Iterator[Fold]:
        try:
            yield from folds_of(self.cls)
        except (TypeError, NameError) as error:
            self.faults.append(f"view {self.name}: {error}")

    def _route(self, fold: Fold, key: Sequence[Column], looking: LookupReader) -> Route | None:
        if fold.grouping.key is not None and fold.grouping.keys is not None:
            self.faults.append(f"view {self.name}: {fold.function.__name__} has both key= and keys=")
            return None
        if isinstance(fold.grouping.keys, Lookup):
            return looking.route(fold, fold.grouping.keys, self.aggregate_keys.get(fold.event))
        if fold.grouping.key is not None or fold.grouping.keys is not None:
            key_of, keys_of = grouped(fold.grouping)
            return Route(fold.event, fold.function, keys_of, key_of)
        stream_key = self.aggregate_keys.get(fold.event)
        found = key_getter(fold.event, key, stream_key)
        if isinstance(found, str):
            event = fold.event.__name__
            self.faults.append(f"view {self.name}: {event} cannot give the key {found!r}; use @evolves(key=...)")
            return None
        return Route(fold.event, fold.function, several(found), found, stream_part(fold.event, key, stream_key))
