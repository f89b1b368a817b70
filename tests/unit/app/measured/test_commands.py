"""Commands are counted by what came of them: each one once, whatever it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.app.measured.readings import values
from twofold.app.measured.commands import CommandMeasures
from twofold.errors import ForbiddenError, Rejected, VersionConflictError
from twofold.event_store.write import Appended, StreamWrite
from twofold.messages.message import Command
from twofold.messages.message_types import MessageTypes
from twofold.pipeline.context import Context
from twofold.write.receipt import Receipt


class Pay(Command):
    amount: int = 1


class Unknown(Command):
    pass


class Bus:
    """Answers with what the test has put there."""

    def __init__(self) -> None:
        self.answer: Receipt | BaseException = receipt()
        self.tries = 0

    async def send(self, command: Any, context: Context) -> Receipt:
        self.tries += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def receipt(*, replayed: bool = False) -> Receipt:
    return Receipt(
        (StreamWrite("account-1", 0),), Appended(0, 1, (1,), bytes(8), 0), "epoch", bytes(16), replayed=replayed
    )


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def measures() -> CommandMeasures:
    types = MessageTypes()
    message = types.add(Pay, "command")
    assert message is not None
    return CommandMeasures([message])


@pytest.mark.parametrize(
    ("answer", "labels"),
    [
        (receipt(), ("accepted", "")),
        (receipt(replayed=True), ("replayed", "")),
        (Rejected("too-much", "that is too much"), ("rejected", "too-much")),
        (ForbiddenError("not you"), ("refused", "forbidden")),
        (ZeroDivisionError(), ("failed", "internal")),
        (asyncio.CancelledError(), ("failed", "cancelled")),
    ],
)
async def test_each_outcome_is_counted_as_what_it_is(
    bus: Bus, measures: CommandMeasures, answer: Any, labels: tuple[str, str]
) -> None:
    bus.answer = answer
    send = measures.around(bus.send)

    for _ in range(2):
        try:
            assert await send(Pay(), Context()) is answer
        except BaseException as error:  # noqa: BLE001 - a cancellation too
            assert error is answer  # noqa: PT017 - whichever it is

    assert values(measures.families(), "twofold_commands") == {("Pay", *labels): 2}
    assert values(measures.families(), "twofold_command_duration_seconds") == {("Pay",): 2}


async def test_codes_of_rules_cannot_fill_the_memory(bus: Bus, measures: CommandMeasures) -> None:
    send = measures.around(bus.send)
    for number in range(1000):
        bus.answer = Rejected(f"code-{number}", "no")
        with pytest.raises(Rejected):
            await send(Pay(), Context())

    counts = values(measures.families(), "twofold_commands")

    assert len(counts) == 51
    assert sum(counts.values()) == 1000


async def test_a_command_that_nobody_handles_is_passed_on_and_makes_no_series(
    bus: Bus, measures: CommandMeasures
) -> None:
    bus.answer = ForbiddenError("no such command")

    with pytest.raises(ForbiddenError):
        await measures.around(bus.send)(Unknown(), Context())

    assert values(measures.families(), "twofold_commands") == {}


async def test_every_lost_race_is_counted_though_the_command_succeeds_in_the_end(measures: CommandMeasures) -> None:
    outcomes = iter([VersionConflictError("s", 1, 2), VersionConflictError("s", 2, 3), "done"])

    async def handle(command: Any, context: Context) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    handler = measures.around_handler(Pay, handle)
    for _ in range(2):
        with pytest.raises(VersionConflictError):
            await handler(Pay(), Context())

    assert await handler(Pay(), Context()) == "done"
    assert values(measures.families(), "twofold_command_conflicts") == {("Pay",): 2}
