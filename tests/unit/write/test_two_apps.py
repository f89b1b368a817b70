"""Two open apps on one file: what one holds in memory is never believed against the log."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator

import pytest

from tests.unit.write.bank import Deposit, OpenAccount, Place, Transfer, Withdraw, balance, by_plan, stored
from twofold import Command, Config, OpenApp, Receipt, Rejected
from twofold.errors import KeyReusedError, PreconditionFailedError, VersionConflictError
from twofold.write.states import States

Two = tuple[OpenApp, OpenApp]


@pytest.fixture
async def two(file: Place) -> AsyncIterator[Two]:
    async with file.open() as one, file.open() as other:
        await one.send(OpenAccount(account_id="ada"))
        await one.send(OpenAccount(account_id="bob"))
        await other.send(Deposit(account_id="ada", amount=10))
        await one.send(Deposit(account_id="ada", amount=10))
        yield one, other


async def test_one_key_raced_in_both_makes_one_commit_and_one_answer(two: Two) -> None:
    before = len(await stored(two[0]))
    copies = [app.send(Deposit(account_id="ada", amount=5), key="k") for _ in range(25) for app in two]

    receipts = await asyncio.gather(*copies)

    assert len({(r.stream, r.version, r.position, r.events, r.token, r.message_id) for r in receipts}) == 1
    assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert len(await stored(two[0])) == before + 1


async def test_one_key_raced_with_two_payloads_is_given_to_one_of_them(two: Two) -> None:
    sending = [app.send(Deposit(account_id="ada", amount=n), key="k") for n, app in enumerate(two, 5)]

    answers = await asyncio.gather(*sending, return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == [KeyReusedError.__name__, Receipt.__name__]
    paid = 5 if isinstance(answers[0], Receipt) else 6
    assert await balance(two[0], "ada") == 20 + paid


class Acknowledged:
    """What clients were told has happened, added up by account."""

    def __init__(self) -> None:
        self.held = {"ada": 20, "bob": 0}

    async def send(self, app: OpenApp, command: Command, changes: dict[str, int]) -> None:
        """Send, and note *changes* if it was accepted."""
        try:
            await app.send(command)
        except (Rejected, VersionConflictError):
            return
        for who, amount in changes.items():
            self.held[who] += amount

    async def send_many(self, app: OpenApp, rng: random.Random, commands: int) -> None:
        """Deposits, withdrawals and transfers by chance, one after another."""
        for _ in range(commands):
            who, other = rng.sample(["ada", "bob"], 2)
            n = rng.randint(1, 9)
            await self.send(
                app,
                *rng.choice(
                    [
                        (Deposit(account_id=who, amount=n), {who: n}),
                        (Withdraw(account_id=who, amount=n), {who: -n}),
                        (Transfer(source=who, target=other, amount=n), {who: -n, other: n}),
                    ]
                ),
            )


async def in_the_log(app: OpenApp) -> dict[str, int]:
    """Balances by adding up the stored JSON, without any of the folds."""
    signs = {"MoneyDeposited": 1, "MoneyWithdrawn": -1}
    sums = {"ada": 0, "bob": 0}
    for event in (await app.log.events.read_log(0, limit=100_000)).events:
        sums[event.stream.partition("-")[2]] += signs.get(event.type, 0) * json.loads(event.data).get("amount", 0)
    return sums


@pytest.mark.parametrize("seed", range(3))
async def test_acknowledged_commands_of_both_add_up_to_the_balances(two: Two, seed: int) -> None:
    print(f"seed {seed}")
    acknowledged, rng = Acknowledged(), random.Random(seed)

    await asyncio.gather(*[acknowledged.send_many(app, rng, 40) for app in two for _ in range(4)])

    assert await in_the_log(two[0]) == acknowledged.held
    assert min(acknowledged.held.values()) >= 0
    versions: dict[str, list[int]] = {}
    for stream, version, _ in await stored(two[1]):
        versions.setdefault(stream, []).append(version)
    assert all(each == list(range(1, len(each) + 1)) for each in versions.values())


async def test_a_memory_that_is_never_thrown_away_is_caught(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: states in memory survive the write that failed, so every retry meets the same conflict."""
    monkeypatch.setattr(States, "discard", lambda *_: None)

    with pytest.raises(VersionConflictError):
        await two[1].send(Deposit(account_id="ada", amount=1))


async def test_a_stale_memory_never_makes_a_durable_no(two: Two) -> None:
    one, other = two
    await other.send(Deposit(account_id="ada", amount=100))

    receipt = await one.send(Withdraw(account_id="ada", amount=120))

    assert receipt.version == 5
    assert not await one.log.outcomes.recent(command="Withdraw", status=2)


async def test_a_stale_memory_never_makes_a_wrong_yes(two: Two) -> None:
    one, other = two
    await other.send(Withdraw(account_id="ada", amount=20))

    with pytest.raises(Rejected, match="Not enough"):
        await one.send(Withdraw(account_id="ada", amount=20))

    (recorded,) = await one.log.outcomes.recent(command="Withdraw", status=2)
    assert recorded.outcome.decided_on == 4


async def test_an_expected_version_that_the_other_app_made_is_met(two: Two) -> None:
    one, other = two
    version = (await other.send(Deposit(account_id="ada", amount=1))).version

    assert (await one.send(Deposit(account_id="ada", amount=1), expected_version=version)).version == 5


async def test_an_expected_version_that_is_only_in_memory_is_refused(two: Two) -> None:
    one, other = two
    await other.send(Deposit(account_id="ada", amount=1))

    with pytest.raises(PreconditionFailedError, match="at version 4, not 3"):
        await one.send(Deposit(account_id="ada", amount=1), expected_version=3)


async def test_existence_is_what_the_log_says(two: Two) -> None:
    one, other = two
    with pytest.raises(Rejected, match="does not exist"):
        await one.send(Deposit(account_id="eve", amount=1))
    await other.send(OpenAccount(account_id="eve"))

    await one.send(Deposit(account_id="eve", amount=1))

    with pytest.raises(Rejected, match="exists already"):
        await one.send(OpenAccount(account_id="eve"))


async def test_a_conflict_is_decided_again_a_bounded_number_of_times(file: Place) -> None:
    async with file.open() as other:
        await other.send(OpenAccount(account_id="ada"))

        class Overtaken:
            """Another app writes to the stream just before every append of this one."""

            def __init__(self) -> None:
                self.appends = 0

            async def run(self, method, call):
                if method == "append":
                    self.appends += 1
                    await other.send(Deposit(account_id="ada", amount=1))
                return await call()

        plan = Overtaken()
        from_here = by_plan(plan)
        async with file.open(wrap=from_here, config=Config(conflict_attempts=4)) as bank:
            with pytest.raises(VersionConflictError):
                await bank.send(Deposit(account_id="ada", amount=100))

        assert plan.appends == 4
        assert await balance(other, "ada") == 4
