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

_TEXTS = (str, bytes, bytearray, memoryview)


def faults_in(message: Any) -> tuple[Fault, ...]:
    """The values inside *message* that no message may hold: NaN, NUL, naive datetimes, too deep a nesting."""
    return tuple(_faults(message, ROOT, 1))


def _faults(value: Any, path: str, depth: int) -> Iterator[Fault]:
    if depth > DEPTH_MAX and _is_composed(value):
        yield Fault(path, f"nested deeper than {DEPTH_MAX}")
        return
    if flaw := flaw_of(value):
        yield Fault(path, flaw)
    for key, where, item in _parts(value, path):
        if isinstance(key, str | int | Decimal | datetime | float) and (flaw := flaw_of(key)):
            yield Fault(where, flaw)
        yield from _faults(item, where, depth + 1)


def differences(given: Any, copy: Any) -> tuple[Fault, ...]:
    """Where *copy*, decoded from the bytes of *given*, is not what was given.

    A list for a tuple and the like is no difference: the copy has the type that the field declares.
    """
    return tuple(_differences(given, copy, ROOT))


def _differences(given: Any, copy: Any, path: str) -> Iterator[Fault]:
    if isinstance(copy, Decimal) and isinstance(given, float):
        yield Fault(path, "Expected `Decimal`, got `float`")
    elif _are_composed_alike(given, copy):
        theirs = {where: item for _, where, item in _parts(copy, path)}
        for _, where, item in _parts(given, path):
            yield from _differences(item, theirs[where], where)
    elif not _are_same(given, copy):
        yield Fault(path, _difference(given, copy))


def _are_composed_alike(given: Any, copy: Any) -> bool:
    """Whether two values are compared part by part: their own `==` may be identity, or tell lists from tuples."""
    if _names(copy):
        return type(given) is type(copy)
    if isinstance(copy, dict):
        return isinstance(given, dict) and given.keys() == copy.keys()
    return isinstance(copy, list | tuple) and isinstance(given, list | tuple) and len(given) == len(copy)


def _are_same(given: Any, copy: Any) -> bool:
    try:
        return bool(given == copy)
    except ArithmeticError:
        return False


def _difference(given: Any, copy: Any) -> str:
    if type(given) is type(copy):
        return f"would be read back as {copy!r}"
    return f"Expected `{type(copy).__name__}`, got `{type(given).__name__}`"


def _is_composed(value: Any) -> bool:
    return bool(_names(value)) or (isinstance(value, Collection) and not isinstance(value, _TEXTS))


def _parts(value: Any, path: str) -> Iterator[tuple[Any, str, Any]]:
    """What *value* holds: (key, path, item) each."""
    if isinstance(value, _TEXTS):
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
