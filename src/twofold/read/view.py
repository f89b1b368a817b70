"""Views: the second fold, from the log to rows that are already the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar, dataclass_transform

import msgspec

from twofold.errors import Fault, InvalidMessageError
from twofold.messages.declaration import MessageMeta, TakesKeywords
from twofold.read.columns import asked_value, fits_of, stored_value
from twofold.read.spread import Spread
from twofold.read.view_store import Column, Key, Kind, ViewTable


@dataclass_transform(field_specifiers=(msgspec.field,), kw_only_default=True)
class View(TakesKeywords, msgspec.Struct, metaclass=MessageMeta, kw_only=True):
    """A rule that folds events into rows, and one such row. Every field but the key has a default.

    A row is stored between batches: a datetime comes back as the same instant in UTC, so fold with instants.
    Class keywords: `key` (field names that tell rows apart), `index` (field names, or tuples of them, to index),
    `shards` (into how many parts the rows are spread, which several processes can fold at a time; 1 unless given),
    `name`, `store`, and `version` or `fold_version` (a whole number that stands in for the code's fingerprint).
    """


class Gone:
    """What a fold returns to delete its row: `return Gone`."""


V = TypeVar("V", bound=View)

KeyOf = Callable[[Any, str], Key]
KeysOf = Callable[[Any, str], Sequence[Key]]
LeadsTo = Callable[[Any, str, Mapping[str, Any]], Key | None]


class LookedUp(NamedTuple):
    """How rows are looked up: in which of the view's lookups (by its table's name), by which of its fields.

    `values_of` gives the values that these fields have to have, as an event says; `key_of` makes a key of an event, its
    stream's name and the stored values of a row that was found, or None where it has none of a part. `parts` are the
    parts of the view's key that come from the lookup's key, each with the name it has there.
    """

    table: str
    fields: tuple[str, ...]
    values_of: Callable[[Any], Key]
    key_of: LeadsTo
    parts: tuple[tuple[int, str], ...]


class Route(NamedTuple):
    """One fold of one event type, and how it finds the rows of an event (from the event and its stream's name).

    `stream_part` is the part of the key that is the stream's id, None when no part is. With `lookup` the rows are found
    by others, and `keys_of` gives none.
    """

    event: type
    fold: Callable[[Any, Any], Any]
    keys_of: KeysOf
    key_of: KeyOf | None
    stream_part: int | None = None
    lookup: LookedUp | None = None


class ViewDefinition(Generic[V]):
    """What `define_view` learnt about a view class.

    `table` is the shape of its rows, `routes` its folds by event type, `event_names` the stable names (old ones
    too) under which the log holds those events, `spread` which row is in which shard, `faults` what is wrong with it,
    as sentences. A definition with faults must not be used further. `lookups` are the rows it looks up, by table name.
    """

    def __init__(
        self,
        view: type[V],
        table: ViewTable,
        routes: Mapping[type, tuple[Route, ...]],
        *,
        event_names: frozenset[str] = frozenset(),
        spread: Spread | None = None,
        faults: Sequence[str] = (),
        lookups: Mapping[str, ViewDefinition[Any]] | None = None,
    ) -> None:
        self.view = view
        self.name = table.view
        self.table = table
        self.routes = routes
        self.event_names = event_names
        self.lookups: Mapping[str, ViewDefinition[Any]] = lookups or {}
        self.spread = spread or Spread()
        self.faults = tuple(faults)
        self.columns: Mapping[str, Column] = {column.name: column for column in table.columns}
        self._tests = tuple((column, column.name, fits_of(column)) for column in table.columns)
        self._key = tuple(self.columns[name] for name in table.key if name in self.columns)
        self._key_fits = tuple(map(fits_of, self._key))
        self.key_of = _picker(table.key)
        self._enums = tuple((column.name, column.type) for column in table.columns if _holds_enum(column))

    @property
    def events(self) -> list[type]:
        """Every type of event that it reads, for its rows or for those it looks up."""
        looked_up = [event for lookup in self.lookups.values() for event in lookup.routes]
        return list(dict.fromkeys([*self.routes, *looked_up]))

    def new_row(self, key: Key) -> V:
        """A fresh row that holds nothing but its key."""
        return self.row(dict(zip(self.table.key, key, strict=True)))

    def row(self, values: Mapping[str, Any]) -> V:
        """The row with these stored values."""
        if self._enums:
            values = dict(values)
            for name, kind in self._enums:
                if values.get(name) is not None:
                    values[name] = kind(values[name])
        return self.view(**values)

    def values(self, row: V) -> dict[str, Any]:
        """The stored values of *row*. Raises InvalidMessageError when one does not fit its column."""
        values = msgspec.structs.asdict(row)
        for column, name, fits in self._tests:
            if not fits(values[name]):
                values[name] = stored_value(column, values[name])
        return values

    def stored_key(self, parts: Key) -> Key:
        """A key that an event gave, as it is stored. Raises InvalidMessageError when it does not fit."""
        return self._fitting(parts, stored_value)

    def asked_key(self, key: Any) -> Key:
        """A key that somebody asks for: a value, or a tuple for a composite key. Text is read as the field's type.

        Raises InvalidMessageError when it cannot be a key of this view.
        """
        parts = key if isinstance(key, tuple) else (key,)
        return self._fitting(parts, asked_value)

    def _fitting(self, parts: Key, convert: Callable[[Column, Any], Any]) -> Key:
        if len(parts) != len(self._key):
            wanted = ", ".join(self.table.key)
            raise InvalidMessageError(self.name, [Fault("$", f"the key has {len(self._key)} part(s): {wanted}")])
        for part, fits in zip(parts, self._key_fits, strict=True):
            if not fits(part):
                return tuple(map(convert, self._key, parts))
        return parts


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Key]:
    if len(names) == 1:
        (name,) = names
        return lambda values: (values[name],)
    return itemgetter(*names) if names else lambda _: ()


def _holds_enum(column: Column) -> bool:
    return column.kind is not Kind.JSON and isinstance(column.type, type) and hasattr(column.type, "__members__")
