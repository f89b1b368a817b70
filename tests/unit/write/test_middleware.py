"""What surrounds a command: middlewares in the order they are listed, and who may do what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.write.bank import Account, Deposit, OpenAccount, Place
from twofold import App, Context, InvalidMessageError, Rejected
from twofold.errors import ForbiddenError


async def test_middlewares_surround_each_command_in_the_order_they_are_listed(place: Place) -> None:
    seen: list[str] = []

    def named(name: str) -> Any:
        async def middleware(message: Any, context: Context, call_next: Any) -> Any:
            seen.append(f"{name} in {type(message).__name__} {context.name}")
            try:
                answer = await call_next(message, context)
            except Exception as error:
                seen.append(f"{name} {type(error).__name__}")
                raise
            seen.append(f"{name} out")
            return answer

        return middleware

    app = App("bank", aggregates=[Account], middleware=[named("outer"), named("inner")])
    async with place.open(app) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        with pytest.raises(Rejected):
            await bank.send(OpenAccount(account_id="ada"))
        with pytest.raises(InvalidMessageError):
            await bank.send(Deposit(account_id="ada", amount="1"))  # type: ignore[arg-type]

    opening = ["outer in OpenAccount OpenAccount", "inner in OpenAccount OpenAccount"]
    assert seen == [
        *opening,
        "inner out",
        "outer out",
        *opening,
        "inner AlreadyExistsError",
        "outer AlreadyExistsError",
    ]


async def test_a_middleware_runs_once_for_a_command_that_is_decided_several_times(file: Place) -> None:
    runs: list[str] = []

    async def counting(message: Any, context: Context, call_next: Any) -> Any:
        runs.append(type(message).__name__)
        return await call_next(message, context)

    app = App("bank", aggregates=[Account], middleware=[counting])
    async with file.open(app) as one, file.open() as other:
        await one.send(OpenAccount(account_id="ada"))
        await other.send(Deposit(account_id="ada", amount=1))

        assert (await one.send(Deposit(account_id="ada", amount=1))).version == 3

    assert runs == ["OpenAccount", "Deposit"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_only_who_may_gets_through_and_a_refusal_leaves_no_trace(place: Place, is_async: bool) -> None:
    def may(message: Any, context: Context) -> bool:
        return isinstance(message, OpenAccount) or context.principal == "teller"

    async def may_later(message: Any, context: Context) -> bool:
        return may(message, context)

    app = App("bank", aggregates=[Account], authorize=may_later if is_async else may)
    async with place.open(app) as bank:
        await bank.send(OpenAccount(account_id="ada"))
        with pytest.raises(ForbiddenError, match="an anonymous caller may not use Deposit"):
            await bank.send(Deposit(account_id="ada", amount=1), key="k")
        with pytest.raises(ForbiddenError, match="eve"):
            await bank.send(Deposit(account_id="ada", amount=1), context=Context(principal="eve"))
        await bank.send(Deposit(account_id="ada", amount=1), context=Context(principal="teller"), key="k")

        assert len(await bank.log.outcomes.recent()) == 2


async def test_a_verdict_that_is_not_true_is_a_no(place: Place) -> None:
    app = App("bank", aggregates=[Account], authorize=lambda *_: "yes")  # type: ignore[arg-type]
    async with place.open(app) as bank:
        with pytest.raises(ForbiddenError):
            await bank.send(OpenAccount(account_id="ada"))


async def test_a_replay_is_only_for_who_may(place: Place) -> None:
    allowed = ["eve"]
    app = App("bank", aggregates=[Account], authorize=lambda _, context: context.principal in allowed)
    async with place.open(app) as bank:
        eve = Context(principal="eve")
        await bank.send(OpenAccount(account_id="ada"), key="k", context=eve)
        allowed.clear()

        with pytest.raises(ForbiddenError):
            await bank.send(OpenAccount(account_id="ada"), key="k", context=eve)
