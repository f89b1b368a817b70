"""A caller that goes away, at whatever moment, loses no command, doubles none, and leaves nothing open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.write.bank import Account, Deposit, OpenAccount, Place, Transfer, Withdraw, balance
from tests.unit.write.cancelling import swept
from twofold import Config, Context, OpenApp, Rejected
from twofold.pipeline.middleware import Endpoint
from twofold.write.command_bus import InFlight


def on_the_thread(bank: OpenApp) -> None:
    """Have an SQLite log use its thread, where a caller can be cancelled in the middle of a commit."""
    writer: Any = getattr(bank.log.events, "_writer", None)
    if writer is not None:
        writer._lately = float("inf")


async def works_on(bank: OpenApp) -> None:
    """Nothing is left in flight: a command goes through, and memory agrees with the log."""
    await asyncio.wait_for(bank.send(Deposit(account_id="bob", amount=0)), 5)
    held = bank._desk.states.get("Account-ada")
    if held is not None and held.tip is None:
        assert held.state == await bank.load(Account, "ada")
    bus: Any = bank._handle
    assert bus.__self__._in_flight._working == {}


@pytest.fixture(params=["inline", "on the thread"])
async def bank(request: pytest.FixtureRequest, place: Place):
    async with place.open(config=Config(aggregate_cache=2, metrics=False)) as opened:
        await opened.send(OpenAccount(account_id="ada"))
        await opened.send(OpenAccount(account_id="bob"))
        if request.param == "on the thread":
            on_the_thread(opened)
        yield opened


async def test_with_a_key_a_retry_makes_exactly_one_of_it(bank: OpenApp) -> None:
    async def send(n: int) -> Any:
        await bank.send(OpenAccount(account_id=f"fills the cache {n}"), key=f"open {n}")
        return await bank.send(Deposit(account_id="ada", amount=2**n), key=str(n))

    cancellations = await swept(send, lambda: works_on(bank))
    for n in range(cancellations + 1):
        await send(n)

    assert cancellations > 1
    assert await balance(bank, "ada") == 2 ** (cancellations + 1) - 1


async def test_without_a_key_it_is_there_once_or_not_at_all(bank: OpenApp) -> None:
    async def send(n: int) -> Any:
        return await bank.send(Deposit(account_id="ada", amount=n + 1))

    cancellations = await swept(send, lambda: works_on(bank))

    amounts = (await bank.load(Account, "ada")).history
    assert len(amounts) == len(set(amounts))
    assert amounts == sorted(amounts)
    assert amounts[-1] == cancellations + 1, "the last one was not cancelled"


async def test_a_transfer_is_on_both_streams_or_on_none(bank: OpenApp) -> None:
    await bank.send(Deposit(account_id="ada", amount=1000))

    async def send(n: int) -> Any:
        return await bank.send(Transfer(source="ada", target="bob", amount=1), key=str(n))

    async def check() -> None:
        await works_on(bank)
        assert await balance(bank, "ada") + await balance(bank, "bob") == 1000

    cancellations = await swept(send, check)
    for n in range(cancellations + 1):
        await send(n)

    assert await balance(bank, "bob") == cancellations + 1


async def test_a_rejection_is_recorded_once_whoever_hears_it(bank: OpenApp) -> None:
    async def send(n: int) -> Any:
        return await bank.send(Withdraw(account_id="ada", amount=1), key=str(n))

    cancellations = await swept(send, lambda: works_on(bank))
    for n in range(cancellations + 1):
        with pytest.raises(Rejected, match="Not enough"):
            await send(n)

    assert len(await bank.log.outcomes.recent(command="Withdraw", limit=10_000)) == cancellations + 1


async def test_commands_around_a_cancelled_one_are_answered(bank: OpenApp) -> None:
    async def send(n: int) -> Any:
        return await bank.send(Deposit(account_id="ada", amount=1))

    for n in range(12):
        tasks = [asyncio.ensure_future(send(n)) for _ in range(9)]
        for _ in range(n):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

        versions = [answer.version for answer in answers if not isinstance(answer, BaseException)]
        assert len(versions) >= 4
        assert len(set(versions)) == len(versions)
        await works_on(bank)


async def test_a_key_that_is_not_given_back_is_caught(bank: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: who is cancelled leaves the key marked as being worked on."""

    async def forgetful(self: InFlight, command: Any, context: Context, call_next: Endpoint) -> Any:
        self._working[context.scope, context.key or ""] = asyncio.Event()
        answer = await call_next(command, context)
        del self._working[context.scope, context.key or ""]
        return answer

    monkeypatch.setattr(InFlight, "_one_at_a_time", forgetful)

    async def send(n: int) -> Any:
        return await bank.send(Deposit(account_id="ada", amount=1), key=str(n))

    with pytest.raises(AssertionError):
        await swept(send, lambda: works_on(bank))
