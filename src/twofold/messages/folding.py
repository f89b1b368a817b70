"""`@evolves`: the mark of a function that folds one type of event, on aggregates and views alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar, get_type_hints, overload

from twofold.messages.lookup import Lookup
from twofold.messages.shape import members

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__twofold_evolves__"


class Grouping(NamedTuple):
    """How `@evolves(key=..., keys=...)` finds the rows an event belongs to (views only).

    `key` maps an event to one key (a scalar, or a tuple for composite keys); `keys` to several, or says where they are
    looked up.
    """

    key: Callable[[Any], Any] | None
    keys: Callable[[Any], Any] | Lookup | None


class Fold(NamedTuple):
    """One fold function of a class: the event type it takes, the function, and its grouping."""

    event: type
    function: Callable[[Any, Any], Any]
    grouping: Grouping


@overload
def evolves(function: F, /) -> F: ...
@overload
def evolves(
    *, key: Callable[[Any], Any] | None = None, keys: Callable[[Any], Any] | Lookup | None = None
) -> Callable[[F], F]: ...
def evolves(
    function: F | None = None,
    /,
    *,
    key: Callable[[Any], Any] | None = None,
    keys: Callable[[Any], Any] | Lookup | None = None,
) -> F | Callable[[F], F]:
    """Mark a method `(self, event: SomeEvent)` that folds that event into self. It is pure and synchronous.

    Args:
        function: the method, when used without parentheses.
        key: on a view, the key of the row this event belongs to, as a pure function of the event.
        keys: on a view, the keys of all rows this event belongs to, as a pure function of it or a `lookup`.
    """

    def mark(method: F) -> F:
        setattr(method, _MARK, Grouping(key, keys))
        return method

    return mark if function is None else mark(function)


def folds_of(cls: type) -> Iterator[Fold]:
    """Every fold of *cls*, in the order of definition, inherited ones first; `event: A | B` gives two.

    Raises TypeError when a fold is asynchronous, has no annotated event parameter, or one that is no class.
    """
    for name, function in _functions(cls).items():
        grouping = getattr(function, _MARK, None)
        if grouping is not None:
            if inspect.iscoroutinefunction(function):
                raise TypeError(f"{cls.__name__}.{name} must not be async: a fold is pure and does no I/O")
            for event in annotated_parameters(function, cls, name):
                yield Fold(event, function, grouping)


def annotated_parameter(function: Callable[..., Any], cls: type, name: str) -> type:
    """The annotated class of the one parameter after self. Raises TypeError when there is none, or a union."""
    found = annotated_parameters(function, cls, name)
    if len(found) > 1:
        raise TypeError(f"{cls.__name__}.{name} must take one type, not {len(found)}")
    return found[0]


def annotated_parameters(function: Callable[..., Any], cls: type, name: str) -> tuple[type, ...]:
    """The classes that the one parameter after self may be: several for `A | B`.

    Raises TypeError when there is no such parameter, or its annotation is missing, unknown or no class.
    """
    place = f"{cls.__name__}.{name}"
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if len(parameters) != 1 or not _is_annotated(parameters[0]):
        raise TypeError(f"{place} must take one annotated parameter after self")
    parameter = parameters[0].name
    found = members(_hints(function, place)[parameter])
    if not all(isinstance(each, type) and each not in (type(None), Any, object) for each in found):
        raise TypeError(f"{place}: {parameter} must be annotated with a class, or several joined by |")
    return found


def _is_annotated(parameter: inspect.Parameter) -> bool:
    ordinary = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    return ordinary and parameter.annotation is not parameter.empty


def _hints(function: Callable[..., Any], place: str) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except NameError as error:
        raise TypeError(f"{place}: {error}; types of events must be known at module level") from None
    except Exception as error:
        raise TypeError(f"{place} has an annotation that cannot be read: {error}") from error


def _functions(cls: type) -> dict[str, Callable[..., Any]]:
    """The functions of *cls* by name, those of its bases first; an override takes the place of what it overrides."""
    found: dict[str, Callable[..., Any]] = {}
    for place in reversed(cls.__mro__):
        found.update({name: member for name, member in vars(place).items() if inspect.isfunction(member)})
    return found
