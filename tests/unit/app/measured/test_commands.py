"""Commands are counted by what came of them: each one once, whatever it was."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any, cast

import pytest

from tests.unit.app.measured.readings import values
from twofold.app.measured.commands import CommandMeasures
from twofold.errors import ForbiddenError, Rejected, VersionConflictError
from twofold.event_store.write import Appended, StreamWrite
from twofold.messages.message import Command
from twofold.messages.message_types import MessageTypes
from twofold.pipeline.context import Context
from twofold.runtime.measures import Histogram
from twofold.write.command_bus import CommandBus
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
    types = MessageTypes()
    outcomes = iter([VersionConflictError("s", 1, 2), VersionConflictError("s", 2, 3), receipt()])

    async def handle(command: Any, context: Context) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    endpoints = {Pay: (types.add(Pay, "command") or measures, handle)}
    bus = CommandBus(
        cast("Any", endpoints),
        [],
        attempts=10,
        in_flight_wait=1.0,
        replay_or=cast("Any", None),
        note_conflict=measures.conflicted,
    )
    await measures.around(bus.send)(Pay(), Context())

    assert values(measures.families(), "twofold_command_conflicts") == {("Pay",): 2}
    assert values(measures.families(), "twofold_commands") == {("Pay", "accepted", ""): 1}


async def test_a_command_is_timed_from_its_arrival_on_the_bus(bus: Bus, measures: CommandMeasures) -> None:
    context = Context(arrived=perf_counter() - 100)

    await measures.around(bus.send)(Pay(), context)

    (family,) = (each for each in measures.families() if each.name == "twofold_command_duration_seconds")
    assert isinstance(family.samples[0].value, Histogram)
    assert family.samples[0].value.sum == pytest.approx(100, abs=1)
