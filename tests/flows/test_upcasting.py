"""Code of yesterday wrote the log; code of today decides on it, folds it into rows and goes on writing."""

from __future__ import annotations

import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold import Aggregate, App, Command, Config, Event, Rejected, View, WiringError, decides, evolves, upcasts
from twofold.errors import UnknownTypeError, UpcastError


class OldPay(Command, name="Pay"):
    account: str
    cents: int


class OldPaid(Event, name="Paid"):
    cents: int


class OldAccount(Aggregate, key="account", name="Account"):
    cents: int = 0

    @decides(existing=False)
    def pay(self, command: OldPay) -> OldPaid:
        return OldPaid(cents=command.cents)

    @evolves
    def paid(self, event: OldPaid) -> None:
        self.cents += event.cents


class OldPage(View, key="account", name="Page"):
    account: str
    cents: int = 0

    @evolves
    def paid(self, event: OldPaid) -> None:
        self.cents += event.cents


class Pay(Command):
    account: str
    amount: Decimal
    currency: str = "EUR"


class Spend(Command):
    account: str
    amount: Decimal


class PaymentReceived(Event, version=3):
    amount: Decimal
    currency: str


class Spent(Event):
    amount: Decimal


class Account(Aggregate, key="account"):
    balance: Decimal = Decimal(0)

    @decides(existing=False)
    def pay(self, command: Pay) -> PaymentReceived:
        return PaymentReceived(amount=command.amount, currency=command.currency)

    @decides
    def spend(self, command: Spend) -> Spent:
        if command.amount > self.balance:
            raise Rejected("overdrawn")
        return Spent(amount=command.amount)

    @evolves
    def received(self, event: PaymentReceived) -> None:
        self.balance += event.amount

    @evolves
    def spent(self, event: Spent) -> None:
        self.balance -= event.amount


class Page(View, key="account"):
    account: str
    balance: Decimal = Decimal(0)
    currencies: list[str] = []

    @evolves
    def received(self, event: PaymentReceived) -> None:
        self.balance += event.amount
        self.currencies.append(event.currency)


@upcasts("Paid", 1)
def from_cents(document: dict[str, Any]) -> dict[str, Any]:
    return {"amount": str(Decimal(document["cents"]) / 100)}


@upcasts("Paid", 2, to="PaymentReceived")
def with_currency(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"currency": "EUR"}


YESTERDAY = App("payments", aggregates=[OldAccount], views=[OldPage])
TODAY = App("payments", aggregates=[Account], views=[Page], upcasters=[from_cents, with_currency])


class Forgetful(Aggregate, key="account", name="Account"):
    """Its code knows nothing of payments."""

    @decides(existing=False)
    def spend(self, command: Spend) -> Spent:
        return Spent(amount=command.amount)


FORGETFUL = App("payments", aggregates=[Forgetful])


@pytest.fixture
async def url(tmp_path: Path) -> str:
    """A log that yesterday's code has written: 3.50 on ada's account."""
    url = f"sqlite:///{tmp_path}/log.db"
    async with YESTERDAY.open(url, config=Config(snapshot_every=2), workers=False) as payments:
        for cents in (100, 250):
            await payments.send(OldPay(account="ada", cents=cents), key=str(cents))
        await payments.run_until_idle()
        assert (await payments.get(OldPage, "ada")).cents == 350
    return url


async def test_decisions_are_made_on_yesterdays_events(url: str) -> None:
    async with TODAY.open(url, views="memory://", config=Config(), workers=False) as payments:
        with pytest.raises(Rejected):
            await payments.send(Spend(account="ada", amount=Decimal("3.51")))
        receipt = await payments.send(Spend(account="ada", amount=Decimal("3.50")))

        assert receipt.version == 3
        assert (await payments.load(Account, "ada")).balance == 0
        assert (await payments.load(Account, "ada", version=2)).balance == Decimal("3.50")


async def test_rows_are_folded_from_yesterdays_and_todays_events(url: str) -> None:
    async with TODAY.open(url, views="memory://", config=Config(), workers=False) as payments:
        await payments.send(Pay(account="ada", amount=Decimal("0.50"), currency="CHF"))
        await payments.run_until_idle()

        assert await payments.get(Page, "ada") == Page(
            account="ada", balance=Decimal("4.00"), currencies=["EUR", "EUR", "CHF"]
        )


async def test_what_is_stored_stays_as_it_was_written(url: str) -> None:
    async with TODAY.open(url, views="memory://", config=Config(), workers=False) as payments:
        await payments.send(Pay(account="ada", amount=Decimal("0.50")))

        events = (await payments.log.events.read_log(0)).events

    assert [(event.type, event.schema_version, event.data) for event in events] == [
        ("Paid", 1, b'{"cents":100}'),
        ("Paid", 1, b'{"cents":250}'),
        ("PaymentReceived", 3, b'{"amount":"0.50","currency":"EUR"}'),
    ]


async def test_yesterdays_snapshot_is_not_todays_state(url: str) -> None:
    async with YESTERDAY.open(url, config=Config(), workers=False) as payments:
        kept = payments._desk.repository._fingerprints["Account"]
        assert await payments.log.snapshots.load("Account-ada", kept) is not None

    async with TODAY.open(url, views="memory://", config=Config(), workers=False) as payments:
        assert payments._desk.repository._fingerprints["Account"] != kept
        assert (await payments.load(Account, "ada")).balance == Decimal("3.50")


def test_a_missing_step_is_a_wiring_fault() -> None:
    with pytest.raises(WiringError, match="no upcaster leads on from Paid version 2"):
        App("payments", aggregates=[Account], upcasters=[from_cents])


async def test_code_that_does_not_know_an_old_event_decides_nothing_on_its_stream(url: str) -> None:
    async with FORGETFUL.open(url, views="memory://", config=Config(), workers=False) as payments:
        with pytest.raises(UnknownTypeError, match="Paid"):
            await payments.send(Spend(account="ada", amount=Decimal(1)))
        assert (await payments.send(Spend(account="bob", amount=Decimal(1)))).version == 1

        assert len((await payments.log.events.read_log(0)).events) == 3


@pytest.mark.parametrize("fault", ["raises", "wrong shape"])
async def test_an_upcaster_with_a_bug_decides_nothing_and_turns_the_view_red(url: str, fault: str) -> None:
    @upcasts("Paid", 1)
    def buggy(document: dict[str, Any]) -> dict[str, Any]:
        return {"amount": str(document["euros"])} if fault == "raises" else {"amount": []}

    app = App("payments", aggregates=[Account], views=[Page], upcasters=[buggy, with_currency])
    async with app.open(url, views="memory://", config=Config(), workers=False) as payments:
        with pytest.raises(UpcastError):
            await payments.send(Spend(account="ada", amount=Decimal(1)))
        await payments.run_until_idle()

        assert not (await payments.health()).ready
        assert len((await payments.log.events.read_log(0)).events) == 2


async def test_a_copy_of_yesterdays_command_is_told_yesterdays_answer(url: str) -> None:
    async with YESTERDAY.open(url, config=Config(), workers=False) as payments:
        first = await payments.send(OldPay(account="ada", cents=100), key="100")
    same = types.new_class(
        "Pay", (Command,), {}, lambda space: space.update(__annotations__={"account": str, "cents": int})
    )

    class Replay(Aggregate, key="account", name="Account"):
        @decides(existing=False)
        def pay(self, command: same) -> None: ...  # type: ignore[valid-type]

        pay.__annotations__["command"] = same

    app = App("payments", aggregates=[Replay])
    async with app.open(url, views="memory://", config=Config(), workers=False) as payments:
        again = await payments.send(same(account="ada", cents=100), key="100")

        assert (again, again.events, again.replayed) == (first, first.events, True)
