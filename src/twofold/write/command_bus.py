"""One command to its one handler, inside the middlewares, with one answer for each idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from twofold.errors import (
    ConflictError,
    Fault,
    InvalidMessageError,
    KeyInFlightError,
    KeyReusedError,
    NestedSendError,
    PreconditionFailedError,
    Rejected,
    UnavailableError,
    UnknownNameError,
)
from twofold.messages.message_types import MessageType
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Endpoint, Middleware, surround
from twofold.write.receipt import Receipt

Note = Callable[[Any], object]
ReplayOr = Callable[[Context, Exception], Awaitable[Receipt]]
MAX_KEY_CHARACTERS = 255

unit_under_way: ContextVar[asyncio.Event | None] = ContextVar("unit_under_way", default=None)
"""The end of the unit of work whose handler this runs in; a task that the handler began may outlive it."""


def unnoted(_command: Any) -> None:
    """Keeps no note of what happens to a command."""


def refuse_nested() -> None:
    """Raise NestedSendError where a handler holds the writer: what it called would wait for the handler's own end."""
    ended = unit_under_way.get()
    if ended is not None and not ended.is_set():
        raise NestedSendError("a handler with a unit of work holds the writer: publish events, or send afterwards")


class CommandBus:
    """Sends commands. The chain of each command type is built once: validation, the app's middlewares
    (authorisation among them), one answer a key, conflict retry, handler.
    """

    def __init__(
        self,
        endpoints: Mapping[type, tuple[MessageType, Endpoint]],
        middlewares: Sequence[Middleware],
        *,
        attempts: int,
        in_flight_wait: float,
        replay_or: ReplayOr,
        note_conflict: Note = unnoted,
    ) -> None:
        self._in_flight = InFlight(in_flight_wait)
        retry = deciding_again(attempts, replay_or, note_conflict)
        self._chains: dict[type, Endpoint] = {}
        for cls, (message, endpoint) in endpoints.items():
            layers = (validating(message), *middlewares, self._in_flight.once_a_key, retry)
            self._chains[cls] = surround(endpoint, layers)

    def send(self, command: Any, context: Context) -> Awaitable[Receipt]:
        """Handle *command* and answer once it is durable.

        Raises:
            UnknownNameError: nobody handles this type.
            InvalidMessageError: the command breaks its own type.
            Rejected: the domain said no; recorded.
            ConflictError: still in conflict after the configured attempts; a VersionConflictError says of which stream.
            KeyInFlightError: a copy with the same key is still being worked on.
            StoreUnavailableError: not known to be stored; the same key makes repeating safe.
        """
        chain = self._chains.get(type(command))
        if chain is None:
            raise UnknownNameError("command", type(command).__name__, [cls.__name__ for cls in self._chains])
        refuse_nested()
        context.arrived = perf_counter()
        return chain(command, context)


def validating(message: MessageType) -> Middleware:
    """A middleware that passes on the strictly decoded copy, and puts the bytes in the context."""
    validate, name = message.codec.validate, message.name

    def check(command: Any, context: Context, call_next: Endpoint) -> Awaitable[Any]:
        command, context.data = validate(command)
        context.name = name
        return call_next(command, context)

    return check


def deciding_again(attempts: int, replay_or: ReplayOr, note_conflict: Note) -> Middleware:
    """A middleware that tries again after a conflict, of versions or of transactions, at most *attempts* times in all.

    `note_conflict` is told of each one. A command that fails in another way may be the copy of one that did not:
    `replay_or` gives the first answer then.
    """

    async def retry(command: Any, context: Context, call_next: Endpoint) -> Any:
        left = attempts
        while True:
            left -= 1
            try:
                return await call_next(command, context)
            except (Rejected, KeyReusedError, UnavailableError, PreconditionFailedError):
                raise
            except ConflictError:
                # Someone else was first; what is in memory has been thrown away, so decide on what is there now.
                note_conflict(command)
                if left <= 0:
                    raise
            except Exception as error:  # noqa: BLE001 - raised again unless there is a first answer
                return await replay_or(context, error)

    return retry


class InFlight:
    """Lets one command of each key through at a time; copies wait for its outcome, which the log then replays."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._working: dict[tuple[str, str], asyncio.Event] = {}

    def once_a_key(self, command: Any, context: Context, call_next: Endpoint) -> Awaitable[Any]:
        """A middleware; commands without a key pass at no cost. Raises KeyInFlightError after the wait."""
        if context.key is None:
            return call_next(command, context)
        return self._one_at_a_time(command, context, call_next)

    async def _one_at_a_time(self, command: Any, context: Context, call_next: Endpoint) -> Any:
        key = (context.scope, checked_key(context.key or "", context.name))
        wait = self._wait if context.wait is None else context.wait
        deadline = asyncio.get_running_loop().time() + wait
        while (working := self._working.get(key)) is not None:
            await self._until(working, deadline, key[1])
        done = self._working[key] = asyncio.Event()
        try:
            return await call_next(command, context)
        finally:
            del self._working[key]
            done.set()

    async def _until(self, working: asyncio.Event, deadline: float, key: str) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await working.wait()
        except TimeoutError as error:
            raise KeyInFlightError(f"a command with the key {key!r} is still being worked on; ask again") from error


def checked_key(key: str, command: str) -> str:
    """*key*, if it can be an idempotency key. Raises InvalidMessageError."""
    is_plain = key.isprintable() and key.isascii()
    if not key or len(key) > MAX_KEY_CHARACTERS or not is_plain:
        fault = Fault("$idempotency-key", f"must be 1 to {MAX_KEY_CHARACTERS} printable ASCII characters")
        raise InvalidMessageError(command, [fault])
    return key
