"""Commands, counted by outcome and timed, and their conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter
from typing import Any, Literal

from twofold.errors import Rejected, TwofoldError, VersionConflictError
from twofold.messages.message_types import MessageType
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Endpoint
from twofold.runtime.measures import Family, Histogram, Tally, counter, histogram
from twofold.write.receipt import Receipt

Send = Callable[[Any, Context], Awaitable[Receipt]]
Outcome = Literal["accepted", "replayed", "rejected", "refused", "failed"]


class _Command:
    """What has come of the commands of one name so far. Codes are chosen by rules: at most 50 are told apart."""

    __slots__ = ("accepted", "conflicts", "others", "seconds")

    def __init__(self) -> None:
        self.accepted = 0
        self.conflicts = 0
        self.others = Tally(most=50)
        self.seconds = Histogram()


class CommandMeasures:
    """Wraps the bus, and the handlers of commands, of one app."""

    def __init__(self, commands: Iterable[MessageType]) -> None:
        self._names = {message.cls: message.name for message in commands}
        self._measured = {cls: _Command() for cls in self._names}

    def around(self, send: Send) -> Send:
        """*send*, measured: from the call to the answer, with all waits and tries."""
        measured = self._measured

        async def sent(command: Any, context: Context) -> Receipt:
            began = perf_counter()
            try:
                receipt = await send(command, context)
            except BaseException as error:
                self._failed(measured.get(type(command)), began, error)
                raise
            found = measured[type(command)]
            found.seconds.observe(perf_counter() - began)
            if receipt.replayed:
                found.others.add("replayed", "")
            else:
                found.accepted += 1
            return receipt

        return sent

    def around_handler(self, command: type, handle: Endpoint) -> Endpoint:
        """*handle*, which makes one try at a *command*, with its version conflicts counted."""
        found = self._measured[command]

        async def handled(command: Any, context: Context) -> Any:
            try:
                return await handle(command, context)
            except VersionConflictError:
                found.conflicts += 1
                raise

        return handled

    def families(self) -> Iterator[Family]:
        """What was measured so far."""
        found: dict[tuple[str, ...], _Command] = {(name,): self._measured[cls] for cls, name in self._names.items()}
        counts: dict[tuple[str, ...], float] = {}
        for name, each in found.items():
            counts[*name, "accepted", ""] = each.accepted
            counts |= {(*name, *labels): count for labels, count in each.others.items()}
        text = "Commands by what came of them; code is that of the rejection or error."
        yield counter("twofold_commands", text, ("command", "outcome", "code"), counts)
        text = "Seconds from a command to its answer, all waits and tries included."
        seconds = {name: each.seconds for name, each in found.items()}
        yield histogram("twofold_command_duration_seconds", text, ("command",), seconds)
        text = "Tries of a command that somebody else was faster than; each is followed by another try or a refusal."
        conflicts: dict[tuple[str, ...], float] = {name: each.conflicts for name, each in found.items()}
        yield counter("twofold_command_conflicts", text, ("command",), conflicts)

    def _failed(self, found: _Command | None, began: float, error: BaseException) -> None:
        if found is not None:
            found.seconds.observe(perf_counter() - began)
            found.others.add(*outcome_of(error))


def outcome_of(error: BaseException) -> tuple[Outcome, str]:
    """What a raised error means for the one who asked, and its code.

    A bug has no code of its own and is "failed"; so is what a caller gave up waiting for.
    """
    if isinstance(error, Rejected):
        return "rejected", error.code
    if isinstance(error, TwofoldError):
        return "refused", error.code
    return "failed", "cancelled" if isinstance(error, asyncio.CancelledError) else "internal"
