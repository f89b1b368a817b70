"""A small bank with something for every answer the door can give."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from twofold import (
    Aggregate,
    App,
    Command,
    Context,
    Event,
    Query,
    Rejected,
    Rows,
    Streams,
    View,
    answers,
    decides,
    evolves,
    handles,
)


class OpenAccount(Command):
    """Open an account."""

    account_id: str
    owner: str = "Ada"


class Deposit(Command, route="POST /accounts/{account_id}/deposits"):
    account_id: str
    amount: Decimal


class Close(Command, route="DELETE /accounts/{account_id}"):
    account_id: str


class Look(Command):
    """Decides, and publishes nothing."""

    account_id: str


class Transfer(Command):
    source: str
    target: str
    amount: Decimal


class Break(Command):
    account_id: str


class Hold(Command):
    """Takes until the test lets it go on."""

    account_id: str


class Secret(Command):
    account_id: str


class AccountOpened(Event):
    owner: str


class MoneyDeposited(Event):
    amount: Decimal


class Kind(Enum):
    SMALL = "small"
    LARGE = "large"


class Measured(Event):
    sample_id: str
    day: date
    kind: Kind
    count: int
    ratio: float
    good: bool
    price: Decimal
    at: datetime
    code: UUID
    tags: list[str]
    note: str | None = None


class Measure(Command):
    sample_id: str
    day: date
    kind: Kind = Kind.SMALL
    count: int = 0
    ratio: float = 0.5
    good: bool = True
    price: Decimal = Decimal(0)
    at: datetime
    code: UUID
    tags: list[str] = []
    note: str | None = None


class Account(Aggregate, key="account_id"):
    balance: Decimal = Decimal(0)

    @decides(new=True)
    def open(self, command: OpenAccount) -> AccountOpened:
        return AccountOpened(owner=command.owner)

    @decides
    def deposit(self, command: Deposit) -> MoneyDeposited:
        if command.amount <= 0:
            raise Rejected("amount-not-positive", "Deposit amount must be positive", amount=str(command.amount))
        return MoneyDeposited(amount=command.amount)

    @decides
    def close(self, command: Close) -> None:
        raise Rejected("cannot-close")

    @decides
    def look(self, command: Look) -> None:
        return None

    @decides
    def broken(self, command: Break) -> None:
        raise ZeroDivisionError("SELECT secret FROM vault")

    @decides
    def secret(self, command: Secret) -> None:
        return None

    @evolves
    def opened(self, event: AccountOpened) -> None: ...

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount


class Sample(Aggregate, key="sample_id"):
    @decides(existing=False)
    def measure(self, command: Measure) -> Measured:
        return Measured(**{name: getattr(command, name) for name in Measured.__struct_fields__})

    @evolves
    def measured(self, event: Measured) -> None: ...


@handles(MoneyDeposited)
async def transfer(command: Transfer, streams: Streams) -> None:
    for name in (command.source, command.target):
        await streams.load(Account, name)
    streams.record(Account, command.source, MoneyDeposited(amount=-command.amount))
    streams.record(Account, command.target, MoneyDeposited(amount=command.amount))


class AccountPage(View, key="account_id"):
    account_id: str
    owner: str = ""
    balance: Decimal = Decimal(0)

    @evolves
    def opened(self, event: AccountOpened) -> None:
        self.owner = event.owner

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        if event.amount == Decimal("666.66"):
            raise ValueError("a fold with a bug")
        self.balance += event.amount


class SamplePage(View, key="sample_id"):
    sample_id: str
    day: date = date(2000, 1, 1)
    kind: Kind = Kind.SMALL
    count: int = 0
    ratio: float = 0.0
    good: bool = False
    price: Decimal = Decimal(0)
    at: datetime | None = None
    code: UUID | None = None
    tags: list[str] = []
    note: str | None = None

    @evolves
    def measured(self, event: Measured) -> None:
        for name in Measured.__struct_fields__:
            setattr(self, name, getattr(event, name))


class DayCount(View, key=("day", "tag")):
    day: date
    tag: str
    count: int = 0

    @evolves(keys=lambda event: [(event.day, tag) for tag in event.tags])
    def measured(self, event: Measured) -> None:
        self.count += event.count


class Richest(Query[list[AccountPage]], route="GET /richest/{at_least}"):
    """Who has at least so much."""

    at_least: Decimal
    limit: int = 10


class Typed(Query[dict[str, Any]]):
    """Gives back what it was asked, to show what was understood."""

    whole: int = 0
    price: Decimal = Decimal(0)
    good: bool = False
    day: date | None = None
    at: datetime | None = None
    kind: Kind = Kind.SMALL
    tags: list[str] = []
    numbers: list[int] | None = None
    extra: dict[str, int] = {}


class Broken(Query[int]):
    pass


@answers
async def richest(query: Richest, accounts: Rows[AccountPage]) -> list[AccountPage]:
    return await accounts.find(accounts.c.balance >= query.at_least, order_by="-balance", limit=query.limit)


@answers
async def typed(query: Typed) -> dict[str, Any]:
    return {name: getattr(query, name) for name in query.__struct_fields__}


@answers
async def broken(query: Broken) -> int:
    return 1 // 0


class Held:
    """Lets a test hold commands of the type Hold back."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()


def bank(held: Held | None = None, **options: Any) -> App:
    @handles
    async def hold(command: Hold, streams: Streams) -> None:
        assert held is not None
        held.arrived.set()
        await held.go_on.wait()
        await streams.load(Account, command.account_id)

    def authorize(message: Any, context: Context) -> bool:
        return not isinstance(message, Secret) or context.principal == "boss"

    return App(
        "bank",
        aggregates=[Account, Sample],
        views=[AccountPage, SamplePage, DayCount],
        queries=[richest, typed, broken],
        handlers=[transfer, hold, *options.pop("handlers", ())],
        authorize=authorize,
        **options,
    )
