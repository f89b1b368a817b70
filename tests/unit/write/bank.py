"""A bank that the tests of the write side send commands to, and the ways to open it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

from twofold import Aggregate, App, Command, Config, Event, OpenApp, Rejected, Streams, decides, evolves, handles
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.app.stores import parse_url, technology
from twofold.app.wiring import wire
from twofold.clock import SystemClock
from twofold.event_store.store import Log
from twofold.testing.faults import FaultyLog, Plan


class OpenAccount(Command):
    account_id: str
    owner: str = "Ada"


class Deposit(Command):
    account_id: str
    amount: int


class Withdraw(Command):
    account_id: str
    amount: int


class Touch(Command):
    account_id: str


class Stumble(Command):
    """Its decision has a bug once the account holds more than `above`."""

    account_id: str
    above: int = 0


class Poison(Command):
    """Its event cannot be folded once the account holds more than `above`."""

    account_id: str
    above: int = 0


class Transfer(Command):
    source: str
    target: str
    amount: int


class Peek(Command):
    """Looks at accounts and writes to none of them."""

    account_ids: list[str]


class AccountOpened(Event):
    owner: str


class MoneyDeposited(Event):
    amount: int


class MoneyWithdrawn(Event):
    amount: int


class Poisoned(Event):
    above: int


class Account(Aggregate, key="account_id"):
    balance: int = 0
    history: list[int] = []

    @decides(new=True)
    def open(self, command: OpenAccount) -> AccountOpened:
        return AccountOpened(owner=command.owner)

    @decides
    def deposit(self, command: Deposit) -> MoneyDeposited:
        return MoneyDeposited(amount=command.amount)

    @decides
    def withdraw(self, command: Withdraw) -> MoneyWithdrawn:
        if command.amount > self.balance:
            raise Rejected("overdrawn", "Not enough money", balance=self.balance, short=Decimal(command.amount))
        return MoneyWithdrawn(amount=command.amount)

    @decides
    def touch(self, command: Touch) -> None: ...

    @decides
    def stumble(self, command: Stumble) -> MoneyDeposited:
        if self.balance > command.above:
            raise ZeroDivisionError("a bug")
        return MoneyDeposited(amount=1)

    @decides
    def poison(self, command: Poison) -> Poisoned:
        return Poisoned(above=command.above)

    @evolves
    def opened(self, event: AccountOpened) -> None: ...

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount
        self.history.append(event.amount)

    @evolves
    def withdrawn(self, event: MoneyWithdrawn) -> None:
        self.balance -= event.amount

    @evolves
    def poisoned(self, event: Poisoned) -> None:
        self.history.append(0)
        if self.balance > event.above:
            raise ValueError("cannot be folded")


@handles
async def transfer(command: Transfer, streams: Streams) -> None:
    source = await streams.load(Account, command.source)
    await streams.load(Account, command.target)
    if source.balance < command.amount:
        raise Rejected("overdrawn", "Not enough money to transfer", balance=source.balance)
    streams.record(Account, command.source, MoneyWithdrawn(amount=command.amount))
    streams.record(Account, command.target, MoneyDeposited(amount=command.amount))


@handles
async def peek(command: Peek, streams: Streams) -> None:
    for account_id in command.account_ids:
        await streams.load(Account, account_id)


BANK = App("bank", aggregates=[Account], handlers=[transfer, peek])

Wrap = Callable[[Log], Log]


def by_plan(plan: Plan) -> Wrap:
    """Puts every call to the log through *plan*, but for leases: a crash would keep them until their time is up."""

    def wrapped(log: Log) -> Log:
        faulty_log = FaultyLog(log, plan)
        faulty_log.leases = log.leases
        return faulty_log

    return wrapped


class Place:
    """Where a log is; opened as often as a test likes."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def log(self) -> Log:
        """The bare log, without an app."""
        scheme, path = parse_url(self.url)
        return await technology(scheme).open_log(path, SystemClock(), Config())

    @asynccontextmanager
    async def open(
        self, app: App = BANK, *, wrap: Wrap | None = None, config: Config | None = None
    ) -> AsyncIterator[OpenApp]:
        """*app* on this log without workers; *wrap* may put something between the app and the log."""
        settings, clock = config or Config(), SystemClock()
        log = await self.log()
        rows = MemoryViewStore()
        try:
            opened = wire(app, settings, clock, log if wrap is None else wrap(log), rows)
            await opened.start(run_workers=False)
            try:
                yield opened
            finally:
                await opened.close()
        finally:
            await rows.close()
            await log.close()


async def stored(opened: OpenApp) -> list[tuple[str, int, str]]:
    """Every event of the log as (stream, version, type)."""
    page = await opened.log.events.read_log(0)
    return [(event.stream, event.version, event.type) for event in page.events]


async def balance(opened: OpenApp, account_id: str) -> int:
    """What the log says, folded afresh."""
    return (await opened.load(Account, account_id)).balance
