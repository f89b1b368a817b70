"""Puts what a test hands in through the bytes that a store would keep."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from twofold.errors import InvalidMessageError, UnreadableError
from twofold.messages.codec import Codec, Kind, codec_for
from twofold.read.view import View, ViewDefinition
from twofold.read.view_store import Kind as ColumnKind
from twofold.testing.failures import UnstorableError, difference

T = TypeVar("T")
V = TypeVar("V", bound=View)


def stored(message: T, kind: Kind) -> T:
    """*message* as it comes back from the log. Raises UnstorableError when it would not come back the same."""
    cls: Any = type(message)
    codec = _codec(cls, kind)
    try:
        copy, data = codec.validate(message)
        again: T = codec.decode(data)
    except (InvalidMessageError, UnreadableError) as error:
        raise UnstorableError(f"the {kind} {message!r} does not survive storage: {error}") from error
    if copy != again:
        raise UnstorableError(f"the {kind} does not survive storage:\n{difference(copy, again)}")
    return again


@lru_cache(maxsize=1024)
def _codec(cls: type[Any], kind: Kind) -> Codec[Any]:
    return codec_for(cls, kind=kind)


def restored(state: T, what: str) -> T:
    """A copy of *state* by way of its JSON, as from a snapshot or a column. Raises UnstorableError naming *what*."""
    return json_copy(state, type(state), what)


def json_copy(value: T, as_type: Any, what: str) -> T:
    """*value* encoded, and decoded as *as_type*. Raises UnstorableError naming *what*."""
    try:
        copy: T = msgspec.json.decode(msgspec.json.encode(value), type=as_type)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise UnstorableError(f"{what} does not survive storage: {error}") from error
    if copy != value:
        raise UnstorableError(f"{what} does not survive storage:\n{difference(value, copy)}")
    return copy


def restored_row(definition: ViewDefinition[V], row: V) -> V:
    """*row* as it comes back from a view store. Raises InvalidMessageError or UnstorableError when it does not."""
    values = definition.values(row)
    for column in definition.table.columns:
        if column.kind is ColumnKind.JSON and values[column.name] is not None:
            values[column.name] = json_copy(values[column.name], column.type, f"{definition.name}.{column.name}")
    return definition.row(values)
