"""What a type checker knows of twofold's public names. Read by mypy and pyright, never run."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from twofold import (
    Aggregate,
    App,
    Command,
    Event,
    Query,
    Receipt,
    Rejected,
    Rows,
    UnitOfWork,
    View,
    answers,
    decides,
    evolves,
    handles,
)


class Deposit(Command):
    account_id: str
    amount: Decimal


class MoneyDeposited(Event, version=2):
    amount: Decimal


class Account(Aggregate, key="account_id"):
    balance: Decimal = Decimal(0)

    @decides(existing=False)
    def deposit(self, command: Deposit) -> MoneyDeposited:
        if command.amount <= 0:
            raise Rejected("amount-not-positive", "Deposit amount must be positive", amount=str(command.amount))
        return MoneyDeposited(amount=command.amount)

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount


class Note(Command):
    account_id: str
    text: str


class NoteTwice(Command):
    account_id: str


class Noted(Event):
    text: str


class AccountPage(View, key="account_id"):
    account_id: str
    balance: Decimal = Decimal(0)

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount


class Richest(Query[list[AccountPage]]):
    at_least: Decimal


class HowMany(Query[int]):
    pass


@answers
async def richest(query: Richest, accounts: Rows[AccountPage]) -> list[AccountPage]:
    rows = await accounts.find(accounts.c.balance >= query.at_least, order_by="-balance", limit=10)
    assert_type(rows, list[AccountPage])
    return rows


@answers
async def how_many(query: HowMany, accounts: Rows[AccountPage]) -> int:
    assert_type(await accounts.get("ada"), AccountPage)
    return await accounts.count()


@handles
async def note(command: Note, work: UnitOfWork) -> None:
    work.publish("Note", command.account_id, Noted(text=command.text))


@handles(Noted, MoneyDeposited)
async def note_twice(command: NoteTwice, work: UnitOfWork) -> None:
    await note(Note(account_id=command.account_id, text="twice"), work)


app = App("bank", aggregates=[Account], views=[AccountPage], queries=[richest, how_many], handlers=[note, note_twice])


async def what_is_answered() -> None:
    async with app.open("memory://") as bank:
        receipt = await bank.send(Deposit(account_id="ada", amount=Decimal(50)), key="first")
        assert_type(receipt, Receipt)
        assert_type(receipt.token, str)
        assert_type(await bank.ask(Richest(at_least=Decimal(1)), after=receipt.token), list[AccountPage])
        assert_type(await bank.ask(HowMany()), int)
        assert_type(await bank.get(AccountPage, "ada"), AccountPage)
        assert_type(await bank.find(AccountPage), list[AccountPage])
        assert_type(bank.rows(AccountPage), Rows[AccountPage])


async def what_calling_a_handler_takes(work: UnitOfWork) -> None:
    assert_type(await note(Note(account_id="ada", text="hello"), work), None)
    assert_type(await note_twice(NoteTwice(account_id="ada"), work), None)


def what_calling_a_rule_gives() -> None:
    event = Account().deposit(Deposit(account_id="ada", amount=Decimal(50)))
    assert_type(event, MoneyDeposited)
