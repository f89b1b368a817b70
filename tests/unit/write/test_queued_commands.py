"""Commands that are taken on now and handled later: each of them once, whatever happens in between."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator

import pytest

from tests.unit.write.bank import (
    BANK,
    Account,
    Deposit,
    OpenAccount,
    Place,
    Stumble,
    Transfer,
    Withdraw,
    balance,
    by_plan,
    stored,
)
from twofold import App, Config, Context, InvalidMessageError, OpenApp
from twofold.errors import ClosedError, ForbiddenError, InputError, KeyReusedError, Rejected, UnknownNameError
from twofold.messages.metadata import decode_origin
from twofold.testing.clock import ManualClock
from twofold.testing.faults import CrashAfter, CrashError, FailAt


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def bank(place: Place, clock: ManualClock) -> AsyncIterator[OpenApp]:
    async with BANK.open(place.url, workers=False, clock=clock) as opened:
        await opened.send(OpenAccount(account_id="ada"))
        yield opened


async def state_of(bank: OpenApp, command_id: str) -> str:
    return (await bank.command_status(command_id)).state


async def test_a_queued_command_is_handled_by_a_worker(bank: OpenApp) -> None:
    command_id = await bank.submit(Deposit(account_id="ada", amount=5))
    assert await state_of(bank, command_id) == "queued"
    assert await balance(bank, "ada") == 0

    assert await bank.run_until_idle() == 1

    status = await bank.command_status(command_id)
    assert status.state == "accepted"
    assert status.receipt is not None
    assert (status.receipt.stream, status.receipt.version, status.receipt.message_id) == ("Account-ada", 2, command_id)
    assert status.receipt == await bank.send(
        Deposit(account_id="ada", amount=5), context=Context(message_id=status.receipt._message_id)
    )
    assert await balance(bank, "ada") == 5


async def test_queued_commands_are_handled_in_the_order_they_came(bank: OpenApp) -> None:
    for amount in range(1, 251):
        await bank.submit(Deposit(account_id="ada", amount=amount))

    assert await bank.run_until_idle() == 250

    assert (await bank.load(Account, "ada")).history == list(range(1, 251))


async def test_a_rejected_one_leaves_the_queue_and_says_why(bank: OpenApp) -> None:
    command_id = await bank.submit(Withdraw(account_id="ada", amount=5))
    await bank.run_until_idle()

    status = await bank.command_status(command_id)

    assert status.state == "rejected"
    assert status.rejection is not None
    assert (status.rejection.code, status.rejection.details) == ("overdrawn", {"balance": 0, "short": "5"})
    assert await bank.log.queue.waiting() == []


async def test_whoever_asked_is_known_when_it_is_handled(bank: OpenApp) -> None:
    context = Context(principal="ada", tenant="t", trace="00-1-2-01", correlation_id=b"c" * 16)
    await bank.submit(Deposit(account_id="ada", amount=5), context=context)
    await bank.run_until_idle()

    (event,) = await bank.log.events.read_stream("Account-ada", after=1)

    origin = decode_origin(event.origin)
    assert (origin.actor, origin.tenant, origin.trace) == ("ada", "t", "00-1-2-01")
    assert event.correlation_id == b"c" * 16


@pytest.mark.parametrize("copies", ["while the first waits", "when it is done"])
async def test_one_key_is_queued_once_and_has_one_id(bank: OpenApp, copies: str) -> None:
    first = await bank.submit(Deposit(account_id="ada", amount=5), key="k")
    if copies == "when it is done":
        await bank.run_until_idle()

    assert await bank.submit(Deposit(account_id="ada", amount=5), key="k") == first
    with pytest.raises(KeyReusedError):
        await bank.submit(Deposit(account_id="ada", amount=6), key="k")
    assert await bank.submit(Deposit(account_id="ada", amount=5), key="k", context=Context(tenant="t")) != first

    await bank.run_until_idle()
    assert await state_of(bank, first) == "accepted"
    assert await balance(bank, "ada") == 10


async def test_a_key_that_was_sent_before_is_not_queued_again(bank: OpenApp) -> None:
    receipt = await bank.send(Deposit(account_id="ada", amount=5), key="k")

    assert await bank.submit(Deposit(account_id="ada", amount=5), key="k") == receipt.message_id
    assert await bank.run_until_idle() == 0


async def test_a_key_that_is_queued_and_then_sent_is_handled_once(bank: OpenApp) -> None:
    command_id = await bank.submit(Deposit(account_id="ada", amount=5), key="k")
    no_id = await bank.submit(Withdraw(account_id="ada", amount=9), key="n")
    receipt = await bank.send(Deposit(account_id="ada", amount=5), key="k")
    with pytest.raises(Rejected):
        await bank.send(Withdraw(account_id="ada", amount=9), key="n")
    await bank.run_until_idle()

    assert await balance(bank, "ada") == 5
    status, no = await bank.command_status(command_id), await bank.command_status(no_id)
    assert (status.state, status.receipt, status.command_id) == ("accepted", receipt, command_id)
    assert (no.state, no.rejection and no.rejection.code) == ("rejected", "overdrawn")


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ"])
async def test_a_key_that_is_no_key_is_refused_at_once(bank: OpenApp, key: str) -> None:
    with pytest.raises(InvalidMessageError):
        await bank.submit(Deposit(account_id="ada", amount=5), key=key)

    assert await bank.log.queue.waiting() == []


async def test_what_cannot_be_handled_is_refused_at_once(bank: OpenApp) -> None:
    with pytest.raises(InvalidMessageError):
        await bank.submit(Deposit(account_id="ada", amount="5"))  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError):
        await bank.submit("nothing")
    with pytest.raises(InputError, match="expected version"):
        await bank.submit(Deposit(account_id="ada", amount=5), context=Context(expected_version=1))
    await bank.close()
    with pytest.raises(ClosedError):
        await bank.submit(Deposit(account_id="ada", amount=5))

    assert await bank.log.queue.waiting() == []


@pytest.mark.parametrize("command_id", ["nonsense", "00000000-0000-7000-8000-000000000000"])
async def test_an_id_that_nobody_has_is_unknown(bank: OpenApp, command_id: str) -> None:
    with pytest.raises(UnknownNameError):
        await bank.command_status(command_id)


async def test_one_that_fails_is_postponed_while_others_go_on(
    bank: OpenApp, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "twofold")
    await bank.send(Deposit(account_id="ada", amount=1))
    failing = [await bank.submit(Stumble(account_id="ada")) for _ in range(150)]
    behind = await bank.submit(Transfer(source="ada", target="ada2", amount=0))
    deposit = await bank.submit(Deposit(account_id="ada", amount=1))

    await bank.run_until_idle()

    assert [await state_of(bank, each) for each in (failing[0], failing[-1])] == ["queued", "queued"]
    assert (await state_of(bank, behind), await state_of(bank, deposit)) == ("rejected", "accepted")

    await bank.send(Withdraw(account_id="ada", amount=2))
    assert await bank.run_until_idle() == 0, "not due yet"
    clock.advance(1)
    await bank.run_until_idle()
    assert await state_of(bank, failing[0]) == "accepted"


async def test_the_pauses_of_one_that_fails_grow(bank: OpenApp, clock: ManualClock, caplog) -> None:
    caplog.set_level(logging.ERROR, "twofold")
    await bank.send(Deposit(account_id="ada", amount=1))
    await bank.submit(Stumble(account_id="ada"))

    tries = []
    for second in range(600):
        caplog.clear()
        await bank.step()
        if caplog.records:
            tries.append(second)
        clock.advance(1)

    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60


async def test_one_that_may_not_is_put_on_record(place: Place) -> None:
    strict = App("bank", aggregates=[Account], authorize=lambda message, context: context.principal == "ada")
    async with strict.open(place.url, workers=False) as bank:
        with pytest.raises(ForbiddenError):
            await bank.send(OpenAccount(account_id="ada"))
        refused = await bank.submit(OpenAccount(account_id="ada"))
        allowed = await bank.submit(OpenAccount(account_id="ada"), context=Context(principal="ada"))
        await bank.run_until_idle()

        status = await bank.command_status(refused)
        assert (status.state, status.rejection and status.rejection.code) == ("rejected", "forbidden")
        assert await state_of(bank, allowed) == "accepted"
        assert await bank.log.queue.waiting() == []


CALLS = ["append", "remove", "waiting"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("key", [None, "k"])
async def test_a_crash_around_handling_handles_it_once(file: Place, call: str, key: str | None) -> None:
    async with file.open() as bank:
        await bank.send(OpenAccount(account_id="ada"))
        command_id = await bank.submit(Deposit(account_id="ada", amount=5), key=key)
    async with file.open(wrap=by_plan(CrashAfter(1, call))) as bank:
        with pytest.raises(CrashError):
            await bank.step()

    async with file.open() as bank:
        await bank.run_until_idle()

        assert await state_of(bank, command_id) == "accepted"
        assert await stored(bank) == [("Account-ada", 1, "AccountOpened"), ("Account-ada", 2, "MoneyDeposited")]
        assert await bank.log.queue.waiting() == []


async def test_a_crash_before_removal_is_not_undone_by_a_decision_that_would_fail_now(file: Place) -> None:
    async with file.open() as bank:
        await bank.send(OpenAccount(account_id="ada"))
        command_id = await bank.submit(Stumble(account_id="ada"))
    async with file.open(wrap=by_plan(FailAt(1, "remove"))) as bank:
        with pytest.raises(Exception, match="injected"):
            await bank.step()

    async with file.open() as bank:
        assert await bank.run_until_idle() == 1

        assert await state_of(bank, command_id) == "accepted"
        assert await balance(bank, "ada") == 1


async def test_two_workers_on_one_file_handle_it_once(file: Place) -> None:
    async with file.open() as one, file.open() as other:
        await one.send(OpenAccount(account_id="ada"))
        for _ in range(20):
            await one.submit(Deposit(account_id="ada", amount=1))

        await asyncio.gather(one.run_until_idle(), other.run_until_idle())

        assert await balance(one, "ada") == 20


async def test_a_processor_that_forgets_the_message_id_is_caught(file: Place, monkeypatch) -> None:
    """A planted bug: without the queued command's own id, a crash before the removal handles it twice."""
    monkeypatch.setattr("twofold.write.queue_processor.QueuedContext.around", lambda *_: Context())
    async with file.open() as bank:
        await bank.send(OpenAccount(account_id="ada"))
        await bank.submit(Deposit(account_id="ada", amount=5))
    async with file.open(wrap=by_plan(CrashAfter(1, "append"))) as bank:
        with pytest.raises(CrashError):
            await bank.step()

    async with file.open() as bank:
        await bank.run_until_idle()
        assert await balance(bank, "ada") == 10


async def test_a_worker_handles_what_is_queued_without_being_asked(place: Place) -> None:
    async with BANK.open(place.url) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        command_id = await bank.submit(Deposit(account_id="ada", amount=5))

        async with asyncio.timeout(10):
            await bank.log.events.wait(1, 10)

        with pytest.raises(Rejected):
            await bank.send(OpenAccount(account_id="ada"))
        assert await state_of(bank, command_id) == "accepted"


async def test_a_queued_command_wakes_its_worker() -> None:
    async with BANK.open("memory://", config=Config(idle_wait=60.0)) as bank:
        for deposits in range(1, 4):
            for _ in range(50):
                await asyncio.sleep(0)  # by now the worker has found nothing to do, and waits
            await bank.submit(OpenAccount(account_id=f"a{deposits}", owner="Ada"))

            assert await bank.log.events.wait(deposits - 1, 10.0)
