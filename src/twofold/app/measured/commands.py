"""Commands, counted by outcome and timed, and their conflicts."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter
from typing import Any, Literal

from twofold.errors import Rejected, TwofoldError
from twofold.messages.message_types import MessageType
from twofold.pipeline.context import Context
from twofold.runtime.measures import SECONDS, Family, Histogram, Tally, counter, histogram
from twofold.write.receipt import Receipt

Send = Callable[[Any, Context], Awaitable[Receipt]]
Outcome = Literal["accepted", "replayed", "rejected", "refused", "failed"]


class _Command:
    """What has come of the commands of one name so far. Codes are chosen by rules: at most 50 are told apart."""

    __slots__ = ("conflicts", "others", "seconds")

    def __init__(self) -> None:
        self.conflicts = 0
        self.others = Tally(most=50)
        self.seconds = Histogram()

    @property
    def accepted(self) -> int:
        """Each command is timed, and all but those that were accepted are counted: the first way costs nothing."""
        return sum(self.seconds.counts) - sum(self.others.values())


class CommandMeasures:
    """Wraps the bus of one app."""

    def __init__(self, commands: Iterable[MessageType]) -> None:
        self._names = {message.cls: message.name for message in commands}
        self._measured = {cls: _Command() for cls in self._names}

    def around(self, send: Send) -> Send:
        """*send*, measured: from the command's arrival on the bus to the answer, with all waits and tries."""
        measured = self._measured

        async def sent(command: Any, context: Context) -> Receipt:
            try:
                receipt = await send(command, context)
            except BaseException as error:
                self._failed(measured.get(type(command)), context, error)
                raise
            # This is on the way of every command, so it calls as little as it can.
            found = measured[type(command)]
            taken, seconds = perf_counter() - context.arrived, found.seconds
            seconds.counts[bisect_left(SECONDS, taken)] += 1
            seconds.sum += taken
            if receipt.replayed:
                found.others.add("replayed", "")
            return receipt

        return sent

    def conflicted(self, command: Any) -> None:
        """Somebody else was faster than a try of *command*."""
        self._measured[type(command)].conflicts += 1

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

    def _failed(self, found: _Command | None, context: Context, error: BaseException) -> None:
        if found is not None:
            now = perf_counter()
            found.seconds.observe(now - (context.arrived or now))
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
