"""Compiled checks of what msgspec's types let through: Decimals out of bounds and naive datetimes.

A check looks only at the fields that can hold such a value; a type that cannot has no check at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args, get_origin

from twofold.messages.bounds import MAGNITUDE_MAX
from twofold.messages.shape import fields_of, members, shape_of

Check = Callable[[Any], bool]
"""Whether a value of the right type is sound."""


def check_for(annotation: Any) -> Check | None:
    """The check for values of *annotation*, or None when nothing about them needs one."""
    return _Compiler().check(annotation)


def always(_value: Any) -> bool:
    """The check of a type that needs none."""
    return True


class _Compiler:
    """Compiles one type; remembers object types, so that a type may contain itself."""

    def __init__(self) -> None:
        self._objects: dict[Any, Check | None] = {}
        self._unfinished: set[Any] = set()

    def check(self, annotation: Any) -> Check | None:
        alternatives = members(annotation)
        if len(alternatives) > 1:
            return self._union(alternatives)
        found = alternatives[0]
        if found is Decimal:
            return _decimal
        if found is datetime:
            return _moment
        return self._object(found) if shape_of(found) else self._container(found)

    def _union(self, alternatives: Sequence[Any]) -> Check | None:
        by_class = {get_origin(each) or each: check for each in alternatives if (check := self.check(each))}
        if not by_class:
            return None
        if Decimal in by_class:
            by_class.setdefault(float, always if float in alternatives else _never)
        return _of_class(by_class)

    def _object(self, annotation: Any) -> Check | None:
        if annotation in self._unfinished:
            return self._later(annotation)
        if annotation not in self._objects:
            self._unfinished.add(annotation)
            checks = [(field.name, self.check(field.type)) for field in fields_of(annotation)]
            self._objects[annotation] = _of_fields([(name, check) for name, check in checks if check])
            self._unfinished.discard(annotation)
        return self._objects[annotation]

    def _later(self, annotation: Any) -> Check:
        """The check of a type that is still being compiled, since it contains itself."""

        def check(value: Any) -> bool:
            compiled = self._objects[annotation]
            return compiled is None or compiled(value)

        return check

    def _container(self, annotation: Any) -> Check | None:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if not isinstance(origin, type):
            return None
        checks = [self.check(each) for each in arguments if each is not ...]
        if not any(checks):
            return None
        filled = [check or always for check in checks]
        if issubclass(origin, Mapping):
            return _of_mapping(*filled)
        if origin is tuple and arguments[-1] is not ...:
            return _of_tuple(filled)
        return _of_items(filled[0]) if issubclass(origin, Collection) else None


def _decimal(value: Any) -> bool:
    if type(value) is Decimal:  # `is_bounded`, written out: the hottest line of all
        return value.is_finite() and -MAGNITUDE_MAX <= value.adjusted() <= MAGNITUDE_MAX
    return type(value) is int


def _moment(value: Any) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _never(_value: Any) -> bool:
    return False


def _of_class(checks: Mapping[type, Check]) -> Check:
    def check(value: Any) -> bool:
        found = checks.get(type(value))
        return found is None or found(value)

    return check


def _of_fields(checks: Sequence[tuple[str, Check]]) -> Check | None:
    if not checks:
        return None
    if len(checks) == 1:
        (name, only) = checks[0]
        return lambda value: only(getattr(value, name))

    def check(value: Any) -> bool:
        for name, sound in checks:  # noqa: SIM110 - on the hot path, where a generator costs twice as much
            if not sound(getattr(value, name)):
                return False
        return True

    return check


def _of_items(item: Check) -> Check:
    return lambda values: all(map(item, values))


def _of_tuple(items: Sequence[Check]) -> Check:
    return lambda values: all(item(value) for item, value in zip(items, values, strict=True))


def _of_mapping(key: Check, item: Check) -> Check:
    return lambda mapping: all(map(key, mapping)) and all(map(item, mapping.values()))
