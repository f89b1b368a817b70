"""One idempotency key, one commit, one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.unit.write.bank import (
    BANK,
    Deposit,
    OpenAccount,
    Peek,
    Place,
    Poison,
    Stumble,
    Touch,
    Transfer,
    Withdraw,
    balance,
    by_plan,
    stored,
)
from twofold import Command, Config, Context, InvalidMessageError, OpenApp, Receipt, Rejected
from twofold.errors import FoldError, KeyInFlightError, KeyReusedError
from twofold.testing.faults import DelayAt


def told(receipt: Receipt) -> dict[str, Any]:
    """Everything that a caller can read off a receipt, but whether it is a replay."""
    return {
        "stream": receipt.stream,
        "version": receipt.version,
        "position": receipt.position,
        "events": receipt.events,
        "writes": receipt.writes,
        "token": receipt.token,
        "message_id": receipt.message_id,
    }


async def refused(sending: Awaitable[Receipt]) -> tuple[type, str, str, dict[str, Any]]:
    """Everything that a caller can read off a rejection."""
    with pytest.raises(Rejected) as caught:
        await sending
    rejection = caught.value
    return type(rejection), rejection.code, str(rejection), dict(rejection.details)


@pytest.mark.parametrize(
    "command",
    [
        Deposit(account_id="ada", amount=5),
        Touch(account_id="ada"),
        Transfer(source="ada", target="bob", amount=0),
        Peek(account_ids=["ada"]),
        Peek(account_ids=["bob", "ada"]),
        Peek(account_ids=[]),
    ],
    ids=["with an event", "without events", "on two streams", "reading one", "reading two", "reading none"],
)
async def test_a_copy_gets_the_first_answer_and_changes_nothing(bank: OpenApp, command: Command) -> None:
    await bank.send(OpenAccount(account_id="bob"))
    first = await bank.send(command, key="k")
    for _ in range(3):
        await bank.send(Deposit(account_id="ada", amount=1))
    before = await stored(bank)

    again = await bank.send(command, key="k")

    assert told(again) == told(first)
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert await stored(bank) == before


@pytest.mark.parametrize(
    "command",
    [
        OpenAccount(account_id="ada"),
        Deposit(account_id="nobody", amount=1),
        Withdraw(account_id="ada", amount=10),
        Transfer(source="ada", target="ada2", amount=10),
        Peek(account_ids=["nobody"]),
    ],
    ids=["already exists", "not found", "rule", "on two streams", "not found on load"],
)
async def test_a_copy_of_a_rejected_command_is_rejected_the_same_way(bank: OpenApp, command: Command) -> None:
    first = await refused(bank.send(command, key="k"))
    await bank.send(Deposit(account_id="ada", amount=100))
    await bank.send(OpenAccount(account_id="nobody"))

    assert await refused(bank.send(command, key="k")) == first


async def test_the_first_answer_survives_the_process(file: Place) -> None:
    async with file.open() as bank:
        await bank.send(OpenAccount(account_id="ada"))
        first = await bank.send(Deposit(account_id="ada", amount=5), key="k")
        no = await refused(bank.send(Withdraw(account_id="ada", amount=9), key="n"))

    async with file.open() as bank:
        again = await bank.send(Deposit(account_id="ada", amount=5), key="k")

        assert told(again) == told(first)
        assert await refused(bank.send(Withdraw(account_id="ada", amount=9), key="n")) == no
        assert await balance(bank, "ada") == 5


@pytest.mark.parametrize(
    "other",
    [Deposit(account_id="ada", amount=6), Withdraw(account_id="ada", amount=5), Deposit(account_id="bob", amount=5)],
    ids=["other payload", "other command with the same fields", "other stream"],
)
async def test_a_key_that_comes_back_with_something_else_is_refused(bank: OpenApp, other: Command) -> None:
    await bank.send(OpenAccount(account_id="bob"))
    await bank.send(Deposit(account_id="ada", amount=5), key="k")
    before = await stored(bank)

    with pytest.raises(KeyReusedError, match="'k'"):
        await bank.send(other, key="k")

    assert await stored(bank) == before


async def test_a_key_belongs_to_tenant_and_principal(bank: OpenApp) -> None:
    contexts = [
        None,
        Context(tenant="t"),
        Context(principal="t"),
        Context(tenant="t", principal="p"),
        Context(tenant="t", principal="q"),
        Context(tenant="u", principal="p"),
        Context(tenant="t\x1fp", principal=""),
        Context(tenant="t", principal="p\x1f"),
    ]
    for amount, context in enumerate(contexts, 1):
        assert not (await bank.send(Deposit(account_id="ada", amount=amount), key="k", context=context)).replayed
    for amount, context in enumerate(contexts, 1):
        assert (await bank.send(Deposit(account_id="ada", amount=amount), key="k", context=context)).replayed

    assert await balance(bank, "ada") == sum(range(1, len(contexts) + 1))


async def test_fifty_copies_at_once_make_one_commit_and_get_equal_answers(bank: OpenApp) -> None:
    copies = [bank.send(Deposit(account_id="ada", amount=7), key="k") for _ in range(50)]

    receipts = await asyncio.gather(*copies)

    assert len({str(told(receipt)) for receipt in receipts}) == 1
    assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert await stored(bank) == [("Account-ada", 1, "AccountOpened"), ("Account-ada", 2, "MoneyDeposited")]


async def test_fifty_copies_that_are_rejected_leave_one_record(bank: OpenApp) -> None:
    answers = await asyncio.gather(
        *[refused(bank.send(Withdraw(account_id="ada", amount=7), key="k")) for _ in range(50)]
    )

    assert all(answer == answers[0] for answer in answers)
    assert len(await bank.log.outcomes.recent(command="Withdraw")) == 1


async def test_without_the_key_fifty_copies_are_fifty_commands(bank: OpenApp) -> None:
    """The control: what the key is for."""
    await asyncio.gather(*[bank.send(Deposit(account_id="ada", amount=7)) for _ in range(50)])

    assert await balance(bank, "ada") == 350


async def test_copies_with_one_message_id_make_one_commit(bank: OpenApp) -> None:
    context = Context(message_id=b"m" * 16)
    copies = [bank.send(Deposit(account_id="ada", amount=7), context=context) for _ in range(20)]

    receipts = await asyncio.gather(*copies)
    later = await bank.send(Deposit(account_id="ada", amount=7), context=context)

    assert len({str(told(receipt)) for receipt in [*receipts, later]}) == 1
    assert later.replayed
    assert await balance(bank, "ada") == 7


async def test_a_message_id_that_comes_back_with_another_command_is_refused(bank: OpenApp) -> None:
    context = Context(message_id=b"m" * 16)
    await bank.send(Deposit(account_id="ada", amount=7), context=context)

    with pytest.raises(KeyReusedError):
        await bank.send(Withdraw(account_id="ada", amount=7), context=context)

    assert await balance(bank, "ada") == 7


async def test_a_replay_ignores_the_expected_version(bank: OpenApp) -> None:
    first = await bank.send(Deposit(account_id="ada", amount=5), key="k", expected_version=1)

    for version in (0, 1, 2, 99):
        again = await bank.send(Deposit(account_id="ada", amount=5), key="k", expected_version=version)
        assert told(again) == told(first)


async def test_an_unexpected_error_is_not_recorded_and_a_retry_decides(bank: OpenApp) -> None:
    await bank.send(Deposit(account_id="ada", amount=10))
    with pytest.raises(ZeroDivisionError):
        await bank.send(Stumble(account_id="ada", above=5), key="k")
    with pytest.raises(FoldError):
        await bank.send(Poison(account_id="ada", above=5), key="p")
    assert [each.outcome.command for each in await bank.log.outcomes.recent()] == ["Deposit", "OpenAccount"]
    await bank.send(Withdraw(account_id="ada", amount=8))

    assert not (await bank.send(Stumble(account_id="ada", above=5), key="k")).replayed
    assert not (await bank.send(Poison(account_id="ada", above=5), key="p")).replayed


async def test_a_replay_is_answered_even_if_deciding_now_would_go_wrong(bank: OpenApp) -> None:
    first = await bank.send(Stumble(account_id="ada"), key="k")
    poisoned = await bank.send(Poison(account_id="ada", above=1), context=Context(message_id=b"p" * 16))
    await bank.send(Deposit(account_id="ada", amount=5))

    assert told(await bank.send(Stumble(account_id="ada"), key="k")) == told(first)
    again = await bank.send(Poison(account_id="ada", above=1), context=Context(message_id=b"p" * 16))
    assert told(again) == told(poisoned)


async def test_an_invalid_command_leaves_its_key_free(bank: OpenApp) -> None:
    with pytest.raises(InvalidMessageError):
        await bank.send(Deposit(account_id="ada", amount="five"), key="k")  # type: ignore[arg-type]

    assert not (await bank.send(Deposit(account_id="ada", amount=5), key="k")).replayed


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "ключ", "a\x00"])
async def test_a_key_that_is_no_key_is_refused(bank: OpenApp, key: str) -> None:
    with pytest.raises(InvalidMessageError, match="idempotency-key"):
        await bank.send(Deposit(account_id="ada", amount=5), key=key)

    assert await balance(bank, "ada") == 0


async def test_a_copy_of_a_command_in_flight_waits_for_its_answer(place: Place) -> None:
    slow = DelayAt(2, "append")
    async with place.open(wrap=by_plan(slow)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        first = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="k"))
        await slow.arrived.wait()
        copy = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="k"))
        slow.go_on.set()

        assert told(await copy) == told(await first)
        assert await balance(bank, "ada") == 5


async def test_a_copy_of_a_command_that_stays_in_flight_is_told_so(place: Place) -> None:
    slow = DelayAt(2, "append")
    async with place.open(wrap=by_plan(slow), config=Config(in_flight_wait=0.0)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        first = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="k"))
        await slow.arrived.wait()

        with pytest.raises(KeyInFlightError, match="'k'"):
            await bank.send(Deposit(account_id="ada", amount=5), key="k")

        slow.go_on.set()
        answer = told(await first)
        assert told(await bank.send(Deposit(account_id="ada", amount=5), key="k")) == answer


async def test_another_key_does_not_wait_for_one_in_flight(place: Place) -> None:
    slow = DelayAt(2, "append")
    async with place.open(wrap=by_plan(slow), config=Config(in_flight_wait=0.0)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        first = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="k"))
        await slow.arrived.wait()
        other = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="l"))
        same_key_of_another = asyncio.create_task(
            bank.send(Deposit(account_id="ada", amount=5), key="k", context=Context(principal="p"))
        )
        slow.go_on.set()

        assert [(await each).replayed for each in (first, other, same_key_of_another)] == [False] * 3
        assert await balance(bank, "ada") == 15


async def test_when_the_first_is_cancelled_its_copy_still_gets_the_one_answer(place: Place) -> None:
    slow = DelayAt(2, "append")
    async with place.open(wrap=by_plan(slow)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        first = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="k", expected_version=1))
        await slow.arrived.wait()
        copy = asyncio.create_task(bank.send(Deposit(account_id="ada", amount=5), key="k", expected_version=1))
        first.cancel()
        slow.go_on.set()

        assert (await copy).version == 2
        assert await balance(bank, "ada") == 5


async def test_a_bank_without_its_in_flight_book_is_caught(bank: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: keys that are not looked at any more make fifty commits of fifty copies."""
    monkeypatch.setattr(Context, "scope", property(lambda self: str(id(self))))

    copies = [bank.send(Deposit(account_id="ada", amount=7), key="k") for _ in range(50)]
    receipts = await asyncio.gather(*copies)

    assert len({str(told(receipt)) for receipt in receipts}) > 1


def test_the_bank_is_put_together() -> None:
    assert set(BANK.catalog.commands) >= {"OpenAccount", "Deposit", "Transfer", "Peek"}


async def test_copies_at_once_hold_nobody_up(place: Place) -> None:
    """A copy changes nothing that others decide on: none of them is decided again because of another."""
    async with place.open(config=Config(conflict_attempts=1)) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        commands = [Withdraw(account_id="ada", amount=1) for _ in range(100)]

        async def all_of_them() -> list[Any]:
            tries = [bank.send(command, key=str(n)) for n, command in enumerate(commands)]
            return await asyncio.gather(*tries, return_exceptions=True)

        first = await all_of_them()
        again = await all_of_them()

    assert [type(each) for each in again] == [type(each) for each in first] == [Rejected] * len(commands)
