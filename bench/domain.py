"""The small bank that is measured."""

from __future__ import annotations

from decimal import Decimal

from twofold import Aggregate, App, Command, Event, Query, Rejected, Rows, View, answers, decides, evolves


class OpenAccount(Command):
    """Open an account."""

    account_id: str
    owner: str


class Deposit(Command):
    """Put money in."""

    account_id: str
    amount: Decimal


class AccountOpened(Event):
    """An account was opened."""

    owner: str


class MoneyDeposited(Event):
    """Money came in."""

    amount: Decimal


class Account(Aggregate, key="account_id"):
    """The write side."""

    balance: Decimal = Decimal(0)

    @decides(new=True)
    def open(self, command: OpenAccount) -> AccountOpened:
        """A new account."""
        return AccountOpened(owner=command.owner)

    @decides
    def deposit(self, command: Deposit) -> MoneyDeposited:
        """Only what is positive."""
        if command.amount <= 0:
            raise Rejected("amount-not-positive", "Deposit amount must be positive")
        return MoneyDeposited(amount=command.amount)

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        """Add up."""
        self.balance += event.amount


class AccountPage(View, key="account_id"):
    """The read side."""

    account_id: str
    owner: str = ""
    balance: Decimal = Decimal(0)
    deposits: int = 0

    @evolves
    def opened(self, event: AccountOpened) -> None:
        """Whose it is."""
        self.owner = event.owner

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        """Add up and count."""
        self.balance += event.amount
        self.deposits += 1


class Richest(Query[list[AccountPage]]):
    """Who has most."""

    at_least: Decimal


@answers
async def richest(query: Richest, accounts: Rows[AccountPage]) -> list[AccountPage]:
    """The ten richest accounts."""
    return await accounts.find(accounts.c.balance >= query.at_least, order_by="-balance", limit=10)


async def audited(message: object, context: object, call_next: object) -> object:
    """A middleware that does nothing but be there."""
    return await call_next(message, context)  # type: ignore[operator]


app = App("bank", aggregates=[Account], views=[AccountPage], queries=[richest], middleware=[audited])
