"""A command on several streams: all of them are written or none, and each that was looked at is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.write.bank import (
    Account,
    Deposit,
    MoneyDeposited,
    MoneyWithdrawn,
    OpenAccount,
    Peek,
    Place,
    Poisoned,
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
    Event,
    InvalidMessageError,
    OpenApp,
    Rejected,
    StreamNotFoundError,
    Streams,
    VersionConflictError,
    decides,
    evolves,
    handles,
)
from twofold.errors import FoldError, MisuseError


class Act(Command):
    """Does whatever the test has put into ACTS."""

    name: str = "act"


class Elsewhere(Aggregate, key="name"):
    """Not listed in the app."""


class Fee(Command):
    account_id: str


class Charged(Event):
    amount: int


class Fees(Aggregate, key="account_id"):
    total: int = 0

    @decides(existing=False)
    def charge(self, command: Fee) -> Charged:
        return Charged(amount=1)

    @evolves
    def charged(self, event: Charged) -> None:
        self.total += event.amount


ACTS: list[Callable[[Streams], Awaitable[None]]] = []


@handles
async def act(command: Act, streams: Streams) -> None:
    await ACTS[-1](streams)


BANK_WITH_ACTS = App("bank", aggregates=[Account, Fees], handlers=[act])


async def opened_with_two(bank: OpenApp) -> None:
    await bank.send(OpenAccount(account_id="ada"))
    await bank.send(OpenAccount(account_id="bob"))
    await bank.send(Deposit(account_id="ada", amount=10))


@pytest.fixture
async def acting(place: Place):
    async with place.open(BANK_WITH_ACTS) as opened:
        await opened_with_two(opened)
        yield opened
    ACTS.clear()


async def acts(app: OpenApp, function: Callable[[Streams], Awaitable[None]]) -> object:
    ACTS.append(function)
    return await app.send(Act())


async def test_several_streams_are_written_together(bank: OpenApp) -> None:
    await bank.send(OpenAccount(account_id="bob"))
    await bank.send(Deposit(account_id="ada", amount=10))

    receipt = await bank.send(Transfer(source="ada", target="bob", amount=4))

    assert (receipt.stream, receipt.version) == (None, None)
    assert receipt.writes == (("Account-ada", 3), ("Account-bob", 2))
    assert [tuple(event) for event in receipt.events] == [("MoneyWithdrawn", 3, 4), ("MoneyDeposited", 2, 5)]
    assert (await balance(bank, "ada"), await balance(bank, "bob")) == (6, 4)


async def test_a_refused_one_writes_to_none_and_is_recorded(bank: OpenApp) -> None:
    await bank.send(OpenAccount(account_id="bob"))
    before = await stored(bank)

    with pytest.raises(Rejected, match="transfer"):
        await bank.send(Transfer(source="ada", target="bob", amount=4))
    with pytest.raises(StreamNotFoundError):
        await bank.send(Transfer(source="ada", target="nobody", amount=0))

    assert await stored(bank) == before
    assert [each.outcome.code for each in await bank.log.outcomes.recent(status=2)] == ["not-found", "overdrawn"]


async def test_a_conflict_on_either_stream_is_decided_again(file: Place) -> None:
    async with file.open() as one, file.open() as other:
        await opened_with_two(one)
        for who in ("ada", "bob"):
            await one.send(Transfer(source="ada", target="bob", amount=1))
            await other.send(Deposit(account_id=who, amount=100))

            receipt = await one.send(Transfer(source="ada", target="bob", amount=1))

            assert len(receipt.events) == 2
        assert (await balance(one, "ada"), await balance(one, "bob")) == (106, 104)


async def test_a_stream_that_was_only_read_is_checked_too(file: Place) -> None:
    async with file.open(BANK_WITH_ACTS) as one, file.open() as other:
        await opened_with_two(one)
        seen: list[int] = []

        async def copy_balance(streams: Streams) -> None:
            read = await streams.load(Account, "ada")
            await streams.load(Account, "bob")
            seen.append(read.balance)
            if len(seen) == 1:
                await other.send(Withdraw(account_id="ada", amount=10))
            streams.record(Account, "bob", MoneyDeposited(amount=read.balance + 1))

        await acts(one, copy_balance)

        assert seen == [10, 0]
        assert await balance(one, "bob") == 1


async def test_a_refusal_on_a_stale_look_is_taken_back(file: Place) -> None:
    async with file.open() as one, file.open() as other:
        await opened_with_two(one)
        await other.send(Deposit(account_id="ada", amount=100))

        await one.send(Transfer(source="ada", target="bob", amount=110))

        assert not await one.log.outcomes.recent(status=2)


async def test_what_is_loaded_is_a_copy_of_ones_own(acting: OpenApp) -> None:
    async def spoil(streams: Streams) -> None:
        ada, again = await streams.load(Account, "ada"), await streams.load(Account, "ada")
        ada.balance = 1_000_000
        ada.history.clear()
        assert (again.balance, again.history) == (10, [10])

    await acts(acting, spoil)

    with pytest.raises(Rejected):
        await acting.send(Withdraw(account_id="ada", amount=11))
    held = acting._desk.states.get("Account-ada")
    assert held is not None
    assert held.state == Account(balance=10, history=[10])


async def test_a_load_that_hands_out_the_shared_state_is_caught(
    acting: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted bug: without the copy, what a handler does to its state is decided on by everyone."""
    monkeypatch.setattr("twofold.write.streams.copy.deepcopy", lambda state: state)

    async def spoil(streams: Streams) -> None:
        (await streams.load(Account, "ada")).balance = 1_000_000

    await acts(acting, spoil)

    assert (await acting.send(Withdraw(account_id="ada", amount=11))).version == 3


async def test_a_new_stream_must_not_be_there(acting: OpenApp) -> None:
    async def start(streams: Streams) -> None:
        await streams.load(Fees, "ada", new=True)
        streams.record(Fees, "ada", Charged(amount=3))

    assert acting.catalog.aggregates.keys() == {"Account", "Fees"}
    await acts(acting, start)
    with pytest.raises(AlreadyExistsError):
        await acts(acting, start)

    assert (await acting.load(Fees, "ada")).total == 3


async def test_what_is_not_there_may_be_started_instead(acting: OpenApp) -> None:
    async def start_or_go_on(streams: Streams) -> None:
        try:
            await streams.load(Fees, "ada")
        except StreamNotFoundError:
            streams.record(Fees, "ada", Charged(amount=100))
        else:
            streams.record(Fees, "ada", Charged(amount=1))

    for _ in range(3):
        await acts(acting, start_or_go_on)

    assert (await acting.load(Fees, "ada")).total == 102


@pytest.mark.parametrize("fault", ["not loaded", "not listed", "no event", "invalid", "empty key", "cannot be folded"])
async def test_a_handlers_mistake_writes_nothing_and_spoils_nothing(acting: OpenApp, fault: str) -> None:
    async def err(streams: Streams) -> None:
        await streams.load(Account, "ada")
        streams.record(Account, "ada", MoneyWithdrawn(amount=1))
        if fault == "not loaded":
            streams.record(Account, "bob", MoneyDeposited(amount=1))
        elif fault == "not listed":
            await streams.load(Elsewhere, "x")
        elif fault == "no event":
            streams.record(Account, "ada", Deposit(account_id="ada", amount=1))
        elif fault == "invalid":
            streams.record(Account, "ada", MoneyDeposited(amount="1"))  # type: ignore[arg-type]
        elif fault == "empty key":
            await streams.load(Account, "")
        else:
            await streams.load(Account, "bob")
            streams.record(Account, "bob", Poisoned(above=-1))

    before = await stored(acting)
    errors = {"empty key": InvalidMessageError, "cannot be folded": FoldError}
    with pytest.raises(errors.get(fault, MisuseError)):
        await acts(acting, err)

    assert await stored(acting) == before
    assert (await acting.send(Withdraw(account_id="ada", amount=10))).version == 3
    assert (await acting.send(Deposit(account_id="bob", amount=1))).version == 2


async def test_a_handler_that_is_always_overtaken_gives_up(file: Place) -> None:
    async with file.open(BANK_WITH_ACTS) as one, file.open() as other:
        await opened_with_two(one)
        tries = 0

        async def overtaken(streams: Streams) -> None:
            nonlocal tries
            tries += 1
            await streams.load(Account, "ada")
            await other.send(Deposit(account_id="ada", amount=1))
            streams.record(Account, "ada", MoneyWithdrawn(amount=1))

        with pytest.raises(VersionConflictError):
            await acts(one, overtaken)

        assert tries == 10
        assert await balance(one, "ada") == 20


async def test_transfers_in_a_ring_at_once_keep_the_total(bank: OpenApp) -> None:
    names = ["ada", "bob", "cyd"]
    for name in names[1:]:
        await bank.send(OpenAccount(account_id=name))
    for name in names:
        await bank.send(Deposit(account_id=name, amount=100))

    await asyncio.gather(
        *[bank.send(Transfer(source=names[n % 3], target=names[(n + 1) % 3], amount=1), key=str(n)) for n in range(60)]
    )

    assert [await balance(bank, name) for name in names] == [100, 100, 100]
    receipt = await bank.send(Peek(account_ids=names))
    assert (receipt.writes, receipt.events) == ((), ())
