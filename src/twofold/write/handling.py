"""`@handles`: commands that are no aggregate's own: on several streams at once, or on the team's own tables."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar, get_type_hints, overload

from twofold.write.streams import Streams
from twofold.write.unit_of_work import UnitOfWork

F = TypeVar("F", bound=Callable[..., Awaitable[None]])
_MARK = "__twofold_handles__"


class Handler(NamedTuple):
    """One handler function: the command it takes, what it works with (Streams or UnitOfWork), and the events
    that it declares: `@handles(OrderPlaced, OrderPaid)`.
    """

    command: type
    works_with: type
    function: Callable[..., Any]
    events: tuple[type, ...]


@overload
def handles(function: F, /) -> F: ...
@overload
def handles(*events: type) -> Callable[[F], F]: ...
def handles(*events: Any) -> Any:
    """Mark an `async def place(command: PlaceOrder, work: UnitOfWork) -> None` as the command's handler.

    With a `UnitOfWork` it changes the team's own tables and publishes events; with `Streams` it decides on several
    streams at once. Use it bare, or with the event types it publishes, where no fold or decision names them.
    """
    if len(events) == 1 and inspect.isfunction(events[0]):
        return _marked(events[0], ())
    return lambda function: _marked(function, events)


def _marked(function: F, events: tuple[type, ...]) -> F:
    setattr(function, _MARK, events)
    return function


def handler_of(function: Callable[..., Any]) -> Handler:
    """Read a marked function. Raises TypeError, saying what is wrong with it."""
    name = getattr(function, "__qualname__", repr(function))
    events = getattr(function, _MARK, None)
    if events is None:
        raise TypeError(f"{name} is not decorated with @handles")
    hints = get_type_hints(function)
    parameters = [hints.get(parameter) for parameter in inspect.signature(function).parameters]
    if not inspect.iscoroutinefunction(function) or len(parameters) != 2 or not isinstance(parameters[0], type):  # noqa: PLR2004
        raise TypeError(f"{name} must be `async def {name}(command: SomeCommand, work: UnitOfWork)`, or with Streams")
    if parameters[1] not in {UnitOfWork, Streams}:
        raise TypeError(f"{name}: its second parameter must be annotated UnitOfWork or Streams")
    return Handler(parameters[0], parameters[1], function, tuple(events))
