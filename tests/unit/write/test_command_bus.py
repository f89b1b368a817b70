"""One command to its one handler: validated, surrounded, answered, and on record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.write.bank import (
    AccountOpened,
    Deposit,
    OpenAccount,
    Place,
    Stumble,
    Touch,
    Transfer,
    Withdraw,
    balance,
    stored,
)
from twofold import (
    Aggregate,
    AlreadyExistsError,
    App,
    Command,
    Config,
    Context,
    Event,
    InvalidMessageError,
    OpenApp,
    Rejected,
    StreamNotFoundError,
    VersionConflictError,
    decides,
    evolves,
)
from twofold.errors import ClosedError, InputError, MisuseError, PreconditionFailedError, UnknownNameError
from twofold.messages.metadata import decode_origin


class Order(Command):
    order_id: str
    lines: list[int]
    price: Decimal = Decimal(1)


class Refuse(Command):
    order_id: str
    how: int


class Produce(Command):
    order_id: str
    what: str


class Ordered(Event):
    lines: list[int]


class Priced(Event):
    price: Decimal


class Stranger(Event):
    pass


class Unlucky(Exception):  # noqa: N818 - stands for what a user's code raises
    def __str__(self) -> str:
        return "bad luck \ud800"


REFUSALS: list[tuple[Any, ...]] = [
    ("plain",),
    ("with-text", "One sentence"),
    ("with-error", Unlucky()),
    (404, "a number for a code"),
]
DETAILS: list[dict[str, Any]] = [
    {},
    {"left": 3, "names": ["a", "b"], "price": Decimal("1.50")},
    {"huge": 10**40, "half": "\ud800"},
    {"error": Unlucky(), "items": {1, 2}},
]


class Cart(Aggregate, key="order_id"):
    lines: list[int] = []
    price: Decimal = Decimal(0)

    @decides(existing=False)
    def order(self, command: Order) -> list[Ordered | Priced]:
        return [Ordered(lines=command.lines), Priced(price=command.price)]

    @decides(existing=False)
    def refuse(self, command: Refuse) -> None:
        raise Rejected(*REFUSALS[command.how], **DETAILS[command.how])

    @decides(existing=False)
    def produce(self, command: Produce) -> Any:
        made: dict[str, Callable[[], Any]] = {
            "stranger": Stranger,
            "text": lambda: "no event",
            "number": lambda: 5,
            "half": lambda: [Priced(price=Decimal(1)), Stranger()],
            "invalid": lambda: Priced(price=Decimal("NaN")),
            "shared": lambda: Ordered(lines=self.lines),
            "generator": lambda: (Priced(price=Decimal(n)) for n in (1, 2)),
            "nothing": list,
        }
        return made[command.what]()

    @evolves
    def ordered(self, event: Ordered) -> None:
        self.lines = event.lines
        self.lines.append(0)

    @evolves
    def priced(self, event: Priced) -> None:
        self.price = event.price


class Stream(Command):
    order_id: str
    refuse_after: int


class Generous(Aggregate, key="order_id"):
    """Decides by yielding."""

    price: Decimal = Decimal(0)

    @decides(existing=False)
    def stream(self, command: Stream) -> list[Priced]:  # type: ignore[misc]
        for n in range(3):
            if n == command.refuse_after:
                raise Rejected("enough", f"Enough after {n}")
            yield Priced(price=Decimal(n))

    @evolves
    def priced(self, event: Priced) -> None:
        self.price = event.price


CARTS = App("carts", aggregates=[Cart, Generous])


@pytest.fixture
async def carts(place: Place):
    async with place.open(CARTS) as opened:
        yield opened


async def test_several_events_of_one_decision_stand_together(carts: OpenApp) -> None:
    receipt = await carts.send(Order(order_id="o", lines=[1], price=Decimal("2.50")))

    assert [(event.type, event.version, event.position) for event in receipt.events] == [
        ("Ordered", 1, 1),
        ("Priced", 2, 2),
    ]
    assert (receipt.stream, receipt.version, receipt.position, receipt.replayed) == ("Cart-o", 2, 2, False)


async def test_no_events_still_leave_an_outcome(bank: OpenApp) -> None:
    receipt = await bank.send(Touch(account_id="ada"))

    assert (receipt.stream, receipt.version, receipt.position, receipt.events) == ("Account-ada", 1, 1, ())
    (recorded,) = await bank.log.outcomes.recent(command="Touch")
    assert (recorded.outcome.status, recorded.outcome.decided_on, recorded.events) == (1, 1, 0)


async def test_an_invalid_command_lists_every_fault_and_leaves_no_trace(carts: OpenApp) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        await carts.send(Order(order_id=7, lines=[1, "two"], price=Decimal("NaN")))  # type: ignore[arg-type, list-item]

    assert {fault.path for fault in caught.value.faults} == {"$.order_id", "$.lines[1]", "$.price"}
    assert await stored(carts) == []
    assert await carts.log.outcomes.recent() == []


@pytest.mark.parametrize("order_id", ["", "a\x00b", "x" * 600])
async def test_a_key_that_cannot_name_a_stream_is_invalid(carts: OpenApp, order_id: str) -> None:
    with pytest.raises(InvalidMessageError):
        await carts.send(Order(order_id=order_id, lines=[]))

    assert await carts.log.outcomes.recent() == []


async def test_what_the_caller_still_holds_is_not_what_is_decided_on(carts: OpenApp) -> None:
    lines = [1]
    await carts.send(Order(order_id="o", lines=lines))

    assert lines == [1]
    assert (await carts.load(Cart, "o")).lines == [1, 0]


async def test_nobody_handles_a_type_that_is_not_listed(bank: OpenApp) -> None:
    for message in (Order(order_id="o", lines=[]), AccountOpened(owner="Ada"), {"account_id": "ada"}, None):
        with pytest.raises(UnknownNameError, match="no command is called"):
            await bank.send(message)


@pytest.mark.parametrize("how", range(len(REFUSALS)))
async def test_a_refusal_is_on_record_and_said_again_the_same_way(carts: OpenApp, how: int) -> None:
    told = []
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            await carts.send(Refuse(order_id="o", how=how), key="k")
        told.append(dict(caught.value.details))

    (recorded,) = await carts.log.outcomes.recent()
    outcome = recorded.outcome
    assert (outcome.command, outcome.status, outcome.code) == ("Refuse", 2, str(REFUSALS[how][0]))
    assert (outcome.stream, outcome.decided_on, recorded.events) == ("Cart-o", 0, 0)
    assert json.loads(outcome.details or b"") == told[0] == told[1]
    assert set(told[0]) == set(DETAILS[how])


async def test_one_odd_refusal_does_not_harm_its_neighbours_in_the_batch(carts: OpenApp) -> None:
    sent = [carts.send(Order(order_id=str(n), lines=[])) for n in range(5)]
    odd = [carts.send(Refuse(order_id="o", how=how)) for how in range(len(REFUSALS))]

    answers = await asyncio.gather(*sent, *odd, return_exceptions=True)

    assert [getattr(answer, "version", None) for answer in answers[:5]] == [2] * 5
    assert all(isinstance(answer, Rejected) for answer in answers[5:])


async def test_an_outcome_says_who_when_and_on_what(bank: OpenApp) -> None:
    await bank.send(Deposit(account_id="ada", amount=5), context=Context(principal="ada", tenant="t"))
    with pytest.raises(Rejected):
        await bank.send(Withdraw(account_id="ada", amount=9), context=Context(principal="eve"))

    refused, accepted = await bank.log.outcomes.recent(limit=2)

    assert (refused.outcome.code, refused.outcome.message) == ("overdrawn", "Not enough money")
    assert json.loads(refused.outcome.details or b"") == {"balance": 5, "short": "9"}
    assert (refused.outcome.stream, refused.outcome.decided_on, refused.version) == ("Account-ada", 2, 2)
    assert decode_origin(refused.outcome.origin).actor == "eve"
    assert (accepted.outcome.stream, accepted.outcome.decided_on, accepted.version) == ("Account-ada", 1, 2)
    assert (accepted.first, accepted.position, accepted.events) == (2, 2, 1)
    assert accepted.outcome.duration >= 0
    assert accepted.recorded_at <= refused.recorded_at


async def test_what_exists_cannot_be_opened_and_what_does_not_cannot_be_used(bank: OpenApp) -> None:
    with pytest.raises(AlreadyExistsError) as exists:
        await bank.send(OpenAccount(account_id="ada"))
    with pytest.raises(StreamNotFoundError) as missing:
        await bank.send(Deposit(account_id="bob", amount=1))

    assert (exists.value.code, exists.value.stream) == ("already-exists", "Account-ada")
    assert (missing.value.code, missing.value.stream) == ("not-found", "Account-bob")
    assert [each.outcome.code for each in await bank.log.outcomes.recent(status=2)] == ["not-found", "already-exists"]


async def test_an_expected_version_is_met_or_the_command_is_refused(bank: OpenApp) -> None:
    assert (await bank.send(Deposit(account_id="ada", amount=1), expected_version=1)).version == 2
    for version in (0, 1, 3):
        with pytest.raises(PreconditionFailedError) as caught:
            await bank.send(Deposit(account_id="ada", amount=1), expected_version=version)
        assert (caught.value.expected, caught.value.actual) == (version, 2)
    assert isinstance(caught.value, VersionConflictError)
    assert (await bank.send(OpenAccount(account_id="bob"), expected_version=0)).version == 1

    assert len(await bank.log.outcomes.recent()) == 3
    assert await balance(bank, "ada") == 1


async def test_several_streams_take_no_expected_version(bank: OpenApp) -> None:
    with pytest.raises(InputError, match="several streams"):
        await bank.send(Transfer(source="ada", target="ada", amount=0), expected_version=1)


@pytest.mark.parametrize("what", ["stranger", "text", "number", "half"])
async def test_a_decision_may_only_return_events_that_the_app_knows(carts: OpenApp, what: str) -> None:
    with pytest.raises(MisuseError, match="return events that the app knows"):
        await carts.send(Produce(order_id="o", what=what))

    assert await stored(carts) == []
    assert await carts.log.outcomes.recent() == []


async def test_a_decision_cannot_store_an_event_that_nobody_could_read(carts: OpenApp) -> None:
    with pytest.raises(MisuseError, match="Priced"):
        await carts.send(Produce(order_id="o", what="invalid"))

    assert await stored(carts) == []


async def test_an_event_shares_nothing_with_the_state_it_came_from(carts: OpenApp) -> None:
    await carts.send(Order(order_id="o", lines=[1]))
    await carts.send(Produce(order_id="o", what="shared"))

    assert json.loads((await carts.log.events.read_stream("Cart-o", after=2))[0].data) == {"lines": [1, 0]}
    held = carts._desk.states.get("Cart-o")
    assert held is not None
    assert held.state.lines == (await carts.load(Cart, "o")).lines == [1, 0, 0]


@pytest.mark.parametrize(("what", "events"), [("nothing", 0), ("generator", 2)])
async def test_a_decision_may_return_any_number_of_events(carts: OpenApp, what: str, events: int) -> None:
    assert len((await carts.send(Produce(order_id="o", what=what))).events) == events


async def test_a_decision_that_yields_is_whole_or_refused(carts: OpenApp) -> None:
    with pytest.raises(Rejected, match="Enough after 2"):
        await carts.send(Stream(order_id="o", refuse_after=2))
    assert [each.outcome.code for each in await carts.log.outcomes.recent()] == ["enough"]

    assert (await carts.send(Stream(order_id="o", refuse_after=9))).version == 3


async def test_nothing_is_sent_to_a_closed_app(bank: OpenApp) -> None:
    await bank.close()

    with pytest.raises(ClosedError, match="'bank'"):
        await bank.send(Deposit(account_id="ada", amount=1))


async def test_a_callers_context_stays_as_it_was(bank: OpenApp) -> None:
    context = Context(principal="ada")
    before = repr(context)

    await bank.send(Deposit(account_id="ada", amount=1), key="k", expected_version=1, context=context)

    assert repr(context) == before


async def test_a_bug_in_a_decision_leaves_the_app_working(bank: OpenApp) -> None:
    await bank.send(Deposit(account_id="ada", amount=1))
    with pytest.raises(ZeroDivisionError):
        await bank.send(Stumble(account_id="ada"))

    assert (await bank.send(Withdraw(account_id="ada", amount=1))).version == 3


async def test_one_attempt_is_all_where_the_settings_say_so(file: Place) -> None:
    async with file.open(config=Config(conflict_attempts=1)) as one, file.open() as other:
        await one.send(OpenAccount(account_id="ada"))
        await other.send(Deposit(account_id="ada", amount=1))

        with pytest.raises(VersionConflictError):
            await one.send(Deposit(account_id="ada", amount=1))
        assert (await one.send(Deposit(account_id="ada", amount=1))).version == 3
