"""How an event finds the rows it belongs to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from twofold.event_store.stream import id_of
from twofold.messages.folding import Grouping
from twofold.read.view import KeyOf, KeysOf
from twofold.read.view_store import Column, Key, Kind

_FROM_STREAM: dict[Kind, Callable[[str], Any]] = {Kind.TEXT: str, Kind.INTEGER: int, Kind.UUID: UUID}


def field_names(event: type) -> tuple[str, ...]:
    """The fields of a message class: a Struct, a dataclass or a pydantic model."""
    if issubclass(event, msgspec.Struct):
        return event.__struct_fields__
    if dataclasses.is_dataclass(event):
        return tuple(field.name for field in dataclasses.fields(event))
    return tuple(getattr(event, "model_fields", ()))


def key_getter(event: type, key: Sequence[Column], stream_key: str | None) -> KeyOf | str:
    """How *event* gives the *key* by itself, or the name of the first part it cannot give.

    *stream_key* is the key field of the event's aggregate, if it has one.
    """
    fields = field_names(event)
    parts: list[KeyOf] = []
    for column in key:
        if column.name in fields:
            parts.append(_from_field(column.name))
        elif column.name == stream_key and column.kind in _FROM_STREAM:
            parts.append(_from_stream(_FROM_STREAM[column.kind]))
        else:
            return column.name
    return parts[0] if len(parts) == 1 else lambda event, stream: tuple([part(event, stream)[0] for part in parts])


def stream_part(event: type, key: Sequence[Column], stream_key: str | None) -> int | None:
    """Which part of the *key* `key_getter` takes from the stream's id, or None."""
    fields = field_names(event)
    names = [column.name for column in key]
    return names.index(stream_key) if stream_key in names and stream_key not in fields else None


def _from_field(name: str) -> KeyOf:
    get = attrgetter(name)
    return lambda event, _: (get(event),)


def _from_stream(convert: Callable[[str], Any]) -> KeyOf:
    if convert is str:
        return lambda _, stream: (stream.partition("-")[2],)
    return lambda _, stream: (convert(id_of(stream)),)


def grouped(grouping: Grouping) -> tuple[KeyOf | None, KeysOf]:
    """The key functions of `@evolves(key=...)` or `@evolves(keys=...)`."""
    if grouping.key is not None:
        find = grouping.key

        def key_of(event: Any, _: str) -> Key:
            return _as_key(find(event))

        return key_of, several(key_of)
    find_all = grouping.keys

    def keys_of(event: Any, _: str) -> Sequence[Key]:
        found = find_all(event) if callable(find_all) else ()
        return tuple(dict.fromkeys(map(_as_key, found)))

    return None, keys_of


def several(key_of: KeyOf) -> KeysOf:
    """*key_of* in the shape of a function that may give several keys."""
    return lambda event, stream: (key_of(event, stream),)


def _as_key(found: Any) -> Key:
    return found if isinstance(found, tuple) else (found,)
