"""A small app with every kind of flow, one client's errands, and what must be true once they are all done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twofold import (
    Aggregate,
    App,
    Command,
    Config,
    Context,
    Event,
    OpenApp,
    Rejected,
    Streams,
    UnitOfWork,
    View,
    decides,
    evolves,
    handles,
)
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.app.wiring import wire
from twofold.testing.clock import ManualClock
from twofold.testing.faults import FaultyLog, Plan, faulty


class OpenAccount(Command):
    account_id: str


class Deposit(Command):
    account_id: str
    amount: int


class Withdraw(Command):
    account_id: str
    amount: int


class Transfer(Command):
    source: str
    target: str
    amount: int


class NoteFee(Command):
    account_id: str
    amount: int


class AccountOpened(Event):
    pass


class MoneyDeposited(Event):
    amount: int


class MoneyWithdrawn(Event):
    amount: int


class FeeNoted(Event):
    amount: int


class Account(Aggregate, key="account_id"):
    balance: int = 0

    @decides(new=True)
    def open(self, command: OpenAccount) -> AccountOpened:
        return AccountOpened()

    @decides
    def deposit(self, command: Deposit) -> MoneyDeposited:
        return MoneyDeposited(amount=command.amount)

    @decides
    def withdraw(self, command: Withdraw) -> MoneyWithdrawn:
        if command.amount > self.balance:
            raise Rejected("overdrawn", "Not enough money")
        return MoneyWithdrawn(amount=command.amount)

    @evolves
    def opened(self, event: AccountOpened) -> None: ...

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount

    @evolves
    def withdrawn(self, event: MoneyWithdrawn) -> None:
        self.balance -= event.amount


class AccountPage(View, key="account_id"):
    account_id: str
    balance: int = 0
    changes: int = 0

    @evolves
    def opened(self, event: AccountOpened) -> None: ...

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount
        self.changes += 1

    @evolves
    def withdrawn(self, event: MoneyWithdrawn) -> None:
        self.balance -= event.amount
        self.changes += 1


@handles
async def transfer(command: Transfer, streams: Streams) -> None:
    await streams.load(Account, command.source)
    await streams.load(Account, command.target)
    streams.record(Account, command.source, MoneyWithdrawn(amount=command.amount))
    streams.record(Account, command.target, MoneyDeposited(amount=command.amount))


@handles
async def note_fee(command: NoteFee, unit: UnitOfWork) -> None:
    unit.connection.execute("CREATE TABLE IF NOT EXISTS fees (account, amount)")
    unit.connection.execute("INSERT INTO fees VALUES (?, ?)", (command.account_id, command.amount))
    unit.publish("Fee", command.account_id, FeeNoted(amount=command.amount))


APP = App("fees", aggregates=[Account], views=[AccountPage], handlers=[transfer, note_fee], events=[FeeNoted])
CONFIG = Config(snapshot_every=2)
CLOCK = ManualClock()

# Each errand has a key, so that a client that lost the answer may ask again.
ERRANDS: dict[str, Command] = {
    "e1": OpenAccount(account_id="ada"),
    "e2": OpenAccount(account_id="bob"),
    "e3": Deposit(account_id="ada", amount=100),
    "e4": Withdraw(account_id="bob", amount=500),
    "e5": Transfer(source="ada", target="bob", amount=30),
    "e6": NoteFee(account_id="ada", amount=2),
    "e7": Deposit(account_id="bob", amount=7),
}
QUEUED = b"queued-command-1"
IN_QUEUE = Deposit(account_id="ada", amount=5)


@asynccontextmanager
async def opened(folder: Path, plan: Plan) -> AsyncIterator[OpenApp]:
    """The app on the files of *folder*, every call to a port put through *plan*; at the end it is just let go."""
    log = await open_sqlite_log(str(folder / "log.db"), CLOCK)
    rows = await SqliteViewStore.open(str(folder / "log.views.db"))
    try:
        yield wire(APP, CONFIG, CLOCK, FaultyLog(log, plan), faulty(rows, plan))
    finally:
        await rows.close()
        await log.close()


class Client:
    """Does the errands, knows which were answered, and how."""

    def __init__(self, *, has_keys: bool = True) -> None:
        self.answers: dict[str, str] = {}
        self._has_keys = has_keys
        self.is_queued = False

    async def do_errands(self, app: OpenApp) -> None:
        """Those that were not answered yet, then the views, then a look at them."""
        await app.start(run_workers=False)
        for key, command in ERRANDS.items():
            if key not in self.answers:
                self.answers[key] = await answered(app, key if self._has_keys else None, command)
        if not self.is_queued:
            await app.submit(IN_QUEUE, context=Context(message_id=QUEUED))
            self.is_queued = True
        for _ in range(3):
            await app.run_until_idle()
            CLOCK.advance(60)  # whatever was put off is due
        assert (await app.get(AccountPage, "ada")).balance == 75


async def answered(app: OpenApp, key: str | None, command: Command) -> str:
    try:
        await app.send(command, key=key)
    except Rejected as rejected:
        return rejected.code
    return "accepted"


async def check(app: OpenApp, client: Client) -> None:
    """Every errand done exactly once, everywhere. The figures are worked out by hand from the errands."""
    assert client.answers == dict.fromkeys(ERRANDS, "accepted") | {"e4": "overdrawn"}
    pages = await app.find(AccountPage, order_by="account_id")
    assert [(page.account_id, page.balance, page.changes) for page in pages] == [("ada", 75, 3), ("bob", 37, 2)]
    assert [(await app.load(Account, name)).balance for name in ("ada", "bob")] == [75, 37]

    events = (await app.log.events.read_log(0)).events
    assert sorted((event.stream, event.version, event.type) for event in events) == [
        ("Account-ada", 1, "AccountOpened"),
        ("Account-ada", 2, "MoneyDeposited"),
        ("Account-ada", 3, "MoneyWithdrawn"),
        ("Account-ada", 4, "MoneyDeposited"),
        ("Account-bob", 1, "AccountOpened"),
        ("Account-bob", 2, "MoneyDeposited"),
        ("Account-bob", 3, "MoneyDeposited"),
        ("Fee-ada", 1, "FeeNoted"),
    ]
    assert len(await app.log.outcomes.recent()) == len(ERRANDS) + 1
    assert await app.log.queue.waiting() == []
    assert await fees(app) == [("ada", 2)]


async def fees(app: OpenApp) -> list[tuple[Any, ...]]:
    """The rows of the handler's own table."""
    assert app.log.transactions is not None
    async with app.log.transactions.begin(5) as unit:
        rows: list[tuple[Any, ...]] = unit.connection.execute("SELECT account, amount FROM fees").fetchall()
        return rows


MakePlan = Callable[[int], Plan]
