"""The first fold: an aggregate's state from one stream, and the decisions made on it."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints, overload
from urllib.parse import quote

import msgspec

from twofold.messages.declaration import MessageMeta, TakesKeywords, declaration
from twofold.messages.folding import annotated_parameter, folds_of

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__twofold_decides__"


@dataclass_transform(field_specifiers=(msgspec.field,), kw_only_default=True)
class Aggregate(TakesKeywords, msgspec.Struct, metaclass=MessageMeta, kw_only=True):
    """A consistency boundary: fields are its state, `@decides` its rules, `@evolves` its fold.

    Every field needs a default: the state before the first event. Class keywords: `key` (the command field, or a tuple
    of them, that names the stream), `name` (the category; no dash), `snapshot_every` (events).
    """


class Existence(NamedTuple):
    """What a decision asks of the stream: that it is empty, that it is not, or nothing."""

    new: bool
    existing: bool


@overload
def decides(function: F, /) -> F: ...
@overload
def decides(*, new: bool = False, existing: bool = True) -> Callable[[F], F]: ...
def decides(function: F | None = None, /, *, new: bool = False, existing: bool = True) -> F | Callable[[F], F]:
    """Mark a method `(self, command: SomeCommand)` that decides on that command.

    It returns an event, several, or None, and raises Rejected to refuse; it never changes self.

    Args:
        function: the method, when used without parentheses.
        new: the stream must be empty; else the command is refused with `already-exists`.
        existing: the stream must not be empty; else the command is refused with `not-found`. Ignored with `new`.
    """

    def mark(method: F) -> F:
        setattr(method, _MARK, Existence(new, existing and not new))
        return method

    return mark if function is None else mark(function)


class Decision(NamedTuple):
    """One decision of an aggregate: the command it takes, the function, and what it asks of the stream."""

    command: type
    function: Callable[[Any, Any], Any]
    existence: Existence


class AggregateDefinition(NamedTuple):
    """An aggregate class, read: how its streams are named, folded and decided on."""

    cls: type[Aggregate]
    category: str
    key: tuple[str, ...]
    decisions: tuple[Decision, ...]
    folds: dict[type, Callable[[Any, Any], Any]]
    events: tuple[type, ...]
    snapshot_every: int | None

    def stream_id(self, command: Any) -> str:
        """The id of the stream that *command* is about."""
        if len(self.key) == 1:
            return str(getattr(command, self.key[0]))
        return joined_key(getattr(command, field) for field in self.key)


def joined_key(parts: Any) -> str:
    """A composite key as one text: percent-encoded parts with commas between."""
    return ",".join(quote(str(part), safe="") for part in parts)


def define_aggregate(cls: type[Aggregate]) -> tuple[AggregateDefinition, list[str]]:
    """Read *cls*; returns its definition and every wiring fault found in it."""
    declared = declaration(cls)
    faults = list(_shape_faults(cls, declared.name, declared.key))
    decisions: list[Decision] = []
    folds: dict[type, Callable[[Any, Any], Any]] = {}
    events: dict[type, None] = {}
    try:
        decisions = list(_decisions_of(cls))
        for fold in folds_of(cls):
            if fold.event in folds:
                faults.append(f"{cls.__name__} folds {fold.event.__name__} twice")
            folds[fold.event] = fold.function
            events[fold.event] = None
        for decision in decisions:
            events.update(dict.fromkeys(_returned_events(decision.function)))
    except (TypeError, NameError) as error:
        faults.append(str(error))
    for decision in decisions:
        missing = [field for field in declared.key if not _has_field(decision.command, field)]
        faults.extend(
            f"{decision.command.__name__} has no field {field!r}, the key of {cls.__name__}" for field in missing
        )
    every = declared.options.get("snapshot_every")
    return AggregateDefinition(cls, declared.name, declared.key, tuple(decisions), folds, tuple(events), every), faults


def _shape_faults(cls: type[Aggregate], name: str, key: tuple[str, ...]) -> Iterator[str]:
    if not key:
        yield f'{cls.__name__} has no key: write `class {cls.__name__}(Aggregate, key="...")`'
    if "-" in name or not name:
        yield f"{cls.__name__} is called {name!r}: a category has at least one character and no dash"
    for field in msgspec.structs.fields(cls):
        if field.required:
            yield f"{cls.__name__}.{field.name} needs a default: the state before the first event"


def _decisions_of(cls: type) -> Iterator[Decision]:
    for name in dir(cls):
        function = getattr(cls, name, None)
        existence = getattr(function, _MARK, None)
        if existence is not None and function is not None:
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                raise TypeError(f"{cls.__name__}.{name} must not be async: a decision is pure and does no I/O")
            yield Decision(annotated_parameter(function, cls, name), function, existence)


def _returned_events(function: Callable[..., Any]) -> Iterator[type]:
    """The event classes in a return annotation: `A`, `A | None`, `list[A | B]`, `tuple[A, B]`."""
    yield from _classes_in(get_type_hints(function).get("return"))


def _classes_in(annotation: Any) -> Iterator[type]:
    origin = get_origin(annotation)
    if origin is not None or isinstance(annotation, types.UnionType) or origin is Union:
        for part in get_args(annotation):
            yield from _classes_in(part)
    elif isinstance(annotation, type) and annotation not in {type(None), object} and annotation is not Any:
        yield annotation


def _has_field(cls: type, field: str) -> bool:
    names = getattr(cls, "__struct_fields__", None) or getattr(cls, "__annotations__", {}) or {}
    return field in names or hasattr(cls, field) or field in getattr(cls, "model_fields", {})
