"""The slow path for messages made in code: what in them could not be written, or would come back different."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from twofold.errors import Fault
from twofold.messages.bounds import DEPTH_MAX, flaw_of
from twofold.messages.paths import ROOT, at_index, at_key


def faults_in(message: Any) -> tuple[Fault, ...]:
    """The values inside *message* that no message may hold: NaN, NUL, naive datetimes, too deep a nesting."""
    return tuple(_faults(message, ROOT, 0))


def _faults(value: Any, path: str, depth: int) -> Iterator[Fault]:
    if depth > DEPTH_MAX:
        yield Fault(path, f"nested deeper than {DEPTH_MAX}")
        return
    if flaw := flaw_of(value):
        yield Fault(path, flaw)
    for key, where, item in _parts(value, path):
        if isinstance(key, str | int | Decimal | datetime | float) and (flaw := flaw_of(key)):
            yield Fault(where, flaw)
        yield from _faults(item, where, depth + 1)


def differences(given: Any, copy: Any, path: str = ROOT) -> tuple[Fault, ...]:
    """Where *copy*, decoded from the bytes of *given*, is not what was given."""
    return tuple(_differences(given, copy, path))


def _differences(given: Any, copy: Any, path: str) -> Iterator[Fault]:
    theirs = {where: item for _, where, item in _parts(copy, path)}
    ours = {where: item for _, where, item in _parts(given, path)}
    if type(given) is type(copy) and (ours or theirs) and ours.keys() == theirs.keys():
        for where, item in ours.items():
            yield from _differences(item, theirs[where], where)
    elif isinstance(copy, Decimal) and isinstance(given, float):
        yield Fault(path, "Expected `Decimal`, got `float`")
    elif type(given) is not type(copy) and given != copy:
        yield Fault(path, f"Expected `{type(copy).__name__}`, got `{type(given).__name__}`")
    elif given != copy and not _parts_only(given):
        yield Fault(path, f"would be read back as {copy!r}")


def _parts_only(value: Any) -> bool:
    """Whether *value* is compared by its parts alone (its own `==` may be identity)."""
    return bool(_names(value)) or isinstance(value, list | tuple | dict)


def _parts(value: Any, path: str) -> Iterator[tuple[Any, str, Any]]:
    """What *value* holds: (key, path, item) each."""
    if isinstance(value, str | bytes | bytearray | memoryview):
        return
    if names := _names(value):
        yield from ((None, at_key(path, name), getattr(value, name, None)) for name in names)
    elif isinstance(value, Mapping):
        yield from ((key, at_key(path, key), item) for key, item in value.items())
    elif isinstance(value, Collection):
        yield from ((None, at_index(path, index), item) for index, item in enumerate(value))


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return tuple(getattr(type(value), "model_fields", ()))
