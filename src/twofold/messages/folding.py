"""`@evolves`: the mark of a function that folds one type of event, on aggregates and views alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar, get_type_hints, overload

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__twofold_evolves__"


class Grouping(NamedTuple):
    """How `@evolves(key=..., keys=...)` finds the rows an event belongs to (views only).

    `key` maps an event to one key (a scalar, or a tuple for composite keys); `keys` to several.
    """

    key: Callable[[Any], Any] | None
    keys: Callable[[Any], Any] | None


class Fold(NamedTuple):
    """One fold function of a class: the event type it takes, the function, and its grouping."""

    event: type
    function: Callable[[Any, Any], Any]
    grouping: Grouping


@overload
def evolves(function: F, /) -> F: ...
@overload
def evolves(
    *, key: Callable[[Any], Any] | None = None, keys: Callable[[Any], Any] | None = None
) -> Callable[[F], F]: ...
def evolves(
    function: F | None = None,
    /,
    *,
    key: Callable[[Any], Any] | None = None,
    keys: Callable[[Any], Any] | None = None,
) -> F | Callable[[F], F]:
    """Mark a method `(self, event: SomeEvent)` that folds that event into self. It is pure and synchronous.

    Args:
        function: the method, when used without parentheses.
        key: on a view, the key of the row this event belongs to, as a pure function of the event.
        keys: on a view, the keys of all rows this event belongs to.
    """

    def mark(method: F) -> F:
        setattr(method, _MARK, Grouping(key, keys))
        return method

    return mark if function is None else mark(function)


def folds_of(cls: type) -> Iterator[Fold]:
    """Every fold of *cls*, in the order of definition, inherited ones included.

    Raises TypeError when a fold has no annotated event parameter.
    """
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        grouping = getattr(function, _MARK, None)
        if grouping is not None:
            yield Fold(annotated_parameter(function, cls, name), function, grouping)


def annotated_parameter(function: Callable[..., Any], cls: type, name: str) -> type:
    """The annotated type of the one parameter after self. Raises TypeError when there is none."""
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)[1:]
    if len(parameters) != 1 or parameters[0] not in hints:
        raise TypeError(f"{cls.__name__}.{name} must take one annotated parameter after self")
    found = hints[parameters[0]]
    if not isinstance(found, type):
        raise TypeError(f"{cls.__name__}.{name}: {parameters[0]} must be annotated with a class")
    return found
