"""What is decided while one batch is being written is the next batch; nobody hears before the disk has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.write.bank import (
    Account,
    Deposit,
    OpenAccount,
    Place,
    Poison,
    Transfer,
    Withdraw,
    balance,
    by_plan,
    stored,
)
from twofold import Config, OpenApp, Receipt, Rejected, StoreUnavailableError, UnavailableError
from twofold.clock import Ids, SystemClock
from twofold.errors import ClosedError, FoldError, PreconditionFailedError
from twofold.event_store.outcome import Outcome
from twofold.event_store.write import StreamWrite
from twofold.testing.faults import FailAt, LoseAnswerAt, NoFaults
from twofold.write.committer import Committer, Pending
from twofold.write.states import States


class Gate:
    """Holds the append that `close` announces until the test opens it, or makes it fail."""

    def __init__(self) -> None:
        self.appends = 0
        self._gate: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()

    def close(self) -> None:
        """The next append stops here."""
        self._arrived.clear()
        self._gate = asyncio.get_running_loop().create_future()

    async def arrived(self) -> None:
        """Until an append stands at the gate."""
        await self._arrived.wait()

    def open(self) -> None:
        """Let it through."""
        assert self._gate is not None
        self._gate.set_result(None)

    def fail(self) -> None:
        """Refuse it: nothing was stored."""
        assert self._gate is not None
        self._gate.set_exception(StoreUnavailableError("the disk is full"))

    async def run(self, method: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if method == "append":
            self.appends += 1
            if self._gate is not None:
                self._arrived.set()
                try:
                    await self._gate
                finally:
                    self._gate = None
        return await call()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def bank(place: Place, gate: Gate):
    """The bank with ada, who has 10."""
    async with place.open(wrap=by_plan(gate)) as opened:
        await opened.send(OpenAccount(account_id="ada"))
        await opened.send(Deposit(account_id="ada", amount=10))
        yield opened


async def at_the_gate(bank: OpenApp, gate: Gate, command: Any) -> asyncio.Task[Receipt]:
    """*command*, decided and on its way to the disk."""
    gate.close()
    task = asyncio.create_task(bank.send(command))
    await gate.arrived()
    return task


async def turns(n: int = 20) -> None:
    """Let everything run that can."""
    for _ in range(n):
        await asyncio.sleep(0)


def in_memory(bank: OpenApp, stream: str = "Account-ada") -> Any:
    held = bank._desk.states.get(stream)
    return None if held is None else held.state


async def test_nobody_is_answered_before_the_append_has_returned(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    rest = [
        asyncio.create_task(bank.send(command))
        for command in (
            Withdraw(account_id="ada", amount=99),
            OpenAccount(account_id="bob"),
            Transfer(source="ada", target="ada2", amount=1),
        )
    ]
    await turns()

    assert not any(task.done() for task in [first, *rest])
    assert len(await stored(bank)) == 2
    assert len(await bank.log.outcomes.recent()) == 2

    gate.open()
    assert (await first).version == 3
    await asyncio.gather(*rest, return_exceptions=True)


async def test_a_committer_that_answers_early_is_caught(
    bank: OpenApp, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted bug: callers are told while the batch is still being written."""
    write = Committer._write

    async def hasty(self: Committer, batch: list[Pending]) -> None:
        for pending in batch:
            pending.result.set_exception(Rejected("too-early"))
        await write(self, batch)

    monkeypatch.setattr(Committer, "_write", hasty)
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    await turns()

    assert first.done()
    assert isinstance(first.exception(), Rejected)
    gate.open()


async def test_a_second_command_decides_on_what_the_first_has_produced(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    second = asyncio.create_task(bank.send(Withdraw(account_id="ada", amount=15)))
    third = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=1)))
    await turns()
    gate.open()

    assert [(await each).version for each in (first, second, third)] == [3, 4, 5]
    assert await balance(bank, "ada") == 1


async def test_when_the_first_fails_the_second_decides_again(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    second = asyncio.create_task(bank.send(Withdraw(account_id="ada", amount=15)))
    third = asyncio.create_task(bank.send(Withdraw(account_id="ada", amount=10)))
    await turns()
    gate.fail()

    with pytest.raises(StoreUnavailableError):
        await first
    with pytest.raises(Rejected, match="Not enough"):
        await second
    assert (await third).version == 3
    assert await balance(bank, "ada") == 0


async def test_a_no_that_was_said_on_what_never_came_to_pass_is_taken_back(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Withdraw(account_id="ada", amount=10))
    second = asyncio.create_task(bank.send(Withdraw(account_id="ada", amount=10)))
    await turns()
    gate.fail()

    with pytest.raises(StoreUnavailableError):
        await first
    assert (await second).version == 3
    assert not await bank.log.outcomes.recent(status=2)


async def test_what_is_decided_in_one_batch_fails_together_and_only_what_builds_on_it(
    bank: OpenApp, gate: Gate
) -> None:
    """One write of a batch conflicts; the batch stands but for it and those that were decided on it."""
    await bank.send(OpenAccount(account_id="bob"))
    blocker = await at_the_gate(bank, gate, OpenAccount(account_id="eve"))
    states = bank._desk.states
    held = states.get("Account-ada")
    assert held is not None
    held.version += 1  # as if memory were ahead of the log
    sent = [
        asyncio.create_task(bank.send(command))
        for command in (
            Deposit(account_id="ada", amount=1),
            Deposit(account_id="ada", amount=2),
            Deposit(account_id="bob", amount=3),
            Transfer(source="ada", target="bob", amount=4),
        )
    ]
    await turns()
    gate.open()

    receipts = await asyncio.gather(blocker, *sent)

    assert len({receipt.message_id for receipt in receipts}) == 5
    assert (await balance(bank, "ada"), await balance(bank, "bob")) == (9, 7)


async def test_an_expected_version_may_be_one_that_is_still_on_its_way(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    behind = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=1), expected_version=2))
    on_it = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=1), expected_version=3))
    await turns()
    assert not behind.done()
    gate.open()

    with pytest.raises(PreconditionFailedError):
        await behind
    assert [(await each).version for each in (first, on_it)] == [3, 4]


async def test_an_expected_version_is_met_when_what_was_ahead_of_it_fails(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    second = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=1), expected_version=2))
    await turns()
    gate.fail()

    with pytest.raises(StoreUnavailableError):
        await first
    assert (await second).version == 3


async def test_a_fold_that_raises_throws_the_state_away_and_writes_nothing(bank: OpenApp) -> None:
    before = await stored(bank)

    with pytest.raises(FoldError, match="Account-ada at version 3"):
        await bank.send(Poison(account_id="ada"))

    assert in_memory(bank) is None
    assert await stored(bank) == before
    await bank.send(Deposit(account_id="ada", amount=1))
    assert in_memory(bank) == Account(balance=11, history=[10, 1])


async def test_a_fold_that_raises_leaves_what_is_on_its_way_alone(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    with pytest.raises(FoldError):
        await bank.send(Poison(account_id="ada"))
    third = asyncio.create_task(bank.send(Withdraw(account_id="ada", amount=15)))
    await turns()
    gate.open()

    assert (await first).version == 3
    assert (await third).version == 4
    assert in_memory(bank) == await bank.load(Account, "ada")


async def test_a_store_that_does_not_answer_fails_the_batch_and_states_are_loaded_again(place: Place) -> None:
    plan, calls = FailAt(3, "append"), NoFaults()
    async with place.open(wrap=lambda log: by_plan(calls)(by_plan(plan)(log))) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await bank.send(Deposit(account_id="ada", amount=10))
        sent = [bank.send(Deposit(account_id="ada", amount=1)) for _ in range(10)]

        answers = await asyncio.gather(*sent, return_exceptions=True)

        assert [type(answer) for answer in answers] == [StoreUnavailableError] * 10
        assert in_memory(bank) is None
        calls.calls.clear()
        assert (await bank.send(Withdraw(account_id="ada", amount=10))).version == 3
        assert calls.calls[:2] == ["read_stream", "append"] or calls.calls[1:3] == ["read_stream", "append"]


async def test_a_state_that_survives_its_failed_write_is_caught(
    bank: OpenApp, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted bug: memory keeps what never reached the disk."""
    monkeypatch.setattr(States, "discard", lambda *_: None)
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=5))
    gate.fail()
    with pytest.raises(StoreUnavailableError):
        await first

    assert in_memory(bank) != await bank.load(Account, "ada")


async def test_when_the_answer_is_lost_the_key_tells_what_came_of_it(place: Place) -> None:
    async with place.open(wrap=by_plan(LoseAnswerAt(2, "append"))) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        with pytest.raises(StoreUnavailableError):
            await bank.send(Deposit(account_id="ada", amount=5), key="k")

        again = await bank.send(Deposit(account_id="ada", amount=5), key="k")

        assert (again.version, again.replayed) == (2, True)
        assert await balance(bank, "ada") == 5


async def test_many_commands_share_a_commit(place: Place) -> None:
    calls = NoFaults()
    async with place.open(wrap=by_plan(calls)) as bank:
        await asyncio.gather(*[bank.send(OpenAccount(account_id=str(n))) for n in range(200)])

        assert calls.calls.count("append") <= 6  # large groups go in halves


@pytest.mark.parametrize("config", [Config(commit_writes=3), Config(commit_bytes=1024)])
async def test_a_commit_keeps_to_its_limits(place: Place, config: Config) -> None:
    sizes: list[tuple[int, int]] = []

    class Measure:
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.epoch = inner.epoch

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        async def append(self, writes):
            data = sum(len(event.data) for write in writes for part in write.streams for event in part.events)
            sizes.append((len(writes), data))
            return await self.inner.append(writes)

    def measured(log: Any) -> Any:
        log.events = Measure(log.events)
        return log

    async with place.open(wrap=measured, config=config) as bank:
        await asyncio.gather(*[bank.send(OpenAccount(account_id=str(n), owner="x" * 300)) for n in range(10)])

    assert sum(writes for writes, _ in sizes) == 10
    assert all(writes <= 3 for writes, _ in sizes)
    assert config.commit_writes == 3 or all(data <= 1024 for _, data in sizes)


async def test_one_write_larger_than_a_commit_goes_alone(place: Place) -> None:
    async with place.open(config=Config(commit_bytes=1024)) as bank:
        assert (await bank.send(OpenAccount(account_id="ada", owner="x" * 5000))).version == 1


async def test_a_long_chain_that_loses_its_ground_is_answered_to_the_last(place: Place, gate: Gate) -> None:
    async with place.open(wrap=by_plan(gate), config=Config(commit_writes=1)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=1))
        chain = [asyncio.create_task(bank.send(Deposit(account_id="ada", amount=1))) for _ in range(1500)]
        await turns()
        gate.fail()

        with pytest.raises(StoreUnavailableError):
            await first
        versions = [receipt.version for receipt in await asyncio.gather(*chain)]

        assert sorted(map(int, map(str, versions))) == list(range(2, 1502))


async def test_closing_writes_what_is_waiting_and_takes_nothing_new(bank: OpenApp, gate: Gate) -> None:
    first = await at_the_gate(bank, gate, Deposit(account_id="ada", amount=1))
    rest = [asyncio.create_task(bank.send(Deposit(account_id="ada", amount=1))) for _ in range(5)]
    await turns()
    closing = asyncio.create_task(bank.close())
    await turns()
    assert not closing.done()
    with pytest.raises(ClosedError):
        await bank.send(Deposit(account_id="ada", amount=1))
    gate.open()

    await closing
    assert [(await each).version for each in (first, *rest)] == [3, 4, 5, 6, 7, 8]
    await bank.close()


async def test_a_committer_takes_only_so_many(place: Place) -> None:
    log = await place.log()
    committer = Committer(log.events, States(10), max_waiting=2)
    ids = Ids(SystemClock())

    def submit() -> asyncio.Future[Any]:
        message_id = ids.next()
        outcome = Outcome(message_id=message_id, command="Any", status=1, correlation_id=message_id)
        return committer.submit((StreamWrite("thing-1", 0),), outcome, (), b"{}")

    waiting = [submit(), submit()]
    with pytest.raises(UnavailableError, match="too many"):
        submit()

    await asyncio.gather(*waiting)
    await submit()
    await committer.close()
    with pytest.raises(ClosedError):
        submit()
    await log.close()
