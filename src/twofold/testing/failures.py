"""How a scenario fails: typed assertion errors, with what was expected beside what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import ndiff
from typing import Any

import msgspec


class ScenarioFailedError(AssertionError):
    """What came is not what the test expected."""


class StateChangedError(ScenarioFailedError):
    """A `decides` method changed the aggregate: only folding an event may."""


class ImpureFoldError(ScenarioFailedError):
    """A fold gave two results for the same event, so a rebuilt view would differ from the live one."""


class UnstorableError(ScenarioFailedError):
    """A message, a state or a row is not the same any more when it comes back from storage."""


def difference(expected: Any, actual: Any) -> str:
    """Two values beside each other, line by line: `-` was expected, `+` came. Lines marked `?` point at the spot."""
    lines = ndiff(list(_lines(expected)), list(_lines(actual)))
    return "\n".join(line.rstrip("\n") for line in lines)


def _lines(value: Any) -> Iterator[str]:
    """A value as lines: a field, or an item, a line."""
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        if not value:
            yield "nothing"
        for item in value:
            yield from _lines(item)
    elif isinstance(value, Mapping):
        yield from (f"{name}={item!r}" for name, item in value.items())
    elif isinstance(value, msgspec.Struct):
        yield f"{type(value).__name__}("
        for name in value.__struct_fields__:
            yield f"    {name}={getattr(value, name)!r},"
        yield ")"
    else:
        yield repr(value)
