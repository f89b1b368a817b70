"""A crash after each port call of each flow, and every other fault there too: each errand is done exactly once.

The errands run once without faults to count their port calls, then once for each call with a fault there.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.faults.shop_of_fees import Client, MakePlan, check, opened
from twofold.errors import ClosedError, ConflictError, UnavailableError
from twofold.testing.faults import CrashAfter, CrashError, DuplicateAt, FailAt, LoseAnswerAt, NoFaults

SPARE = 5  # so many calls may be spared, as who looks again depends on the time


async def port_calls(folder: Path) -> list[str]:
    plan, client = NoFaults(), Client()
    async with opened(folder, plan) as app:
        await client.do_errands(app)
        calls = list(plan.calls)
    async with opened(folder, NoFaults()) as app:
        await check(app, client)
    return calls


def name_of(plan: MakePlan) -> str:
    return getattr(plan, "__name__", str(plan))


async def test_the_errands_call_every_kind_of_port(tmp_path: Path) -> None:
    calls = await port_calls(tmp_path)

    print(f"{len(calls)} port calls: {sorted(set(calls))}")
    for expected in ("append", "read_stream", "read_log", "by_key", "begin", "commit", "put", "remove"):
        assert expected in calls
    for expected in ("open_generation", "checkpoint", "save"):
        assert expected in calls


async def test_a_client_that_asks_again_without_a_key_is_caught(tmp_path: Path) -> None:
    """The check of the check."""
    client = Client(has_keys=False)

    async with opened(tmp_path, LoseAnswerAt(3, "append")) as app:
        with pytest.raises(UnavailableError):
            await client.do_errands(app)
        with pytest.raises(AssertionError):
            await client.do_errands(app)


@pytest.mark.slow
async def test_after_a_crash_at_any_port_call_each_errand_is_done_exactly_once(tmp_path: Path) -> None:
    total, crashed = len(await port_calls(tmp_path)), 0

    for n in range(1, total + 1):
        folder, client = tmp_path / f"{n}", Client()
        folder.mkdir()
        async with opened(folder, CrashAfter(n)) as app:
            try:
                await client.do_errands(app)
            except (CrashError, ClosedError):
                crashed += 1
        await asyncio.sleep(0)

        async with opened(folder, NoFaults()) as app:
            await client.do_errands(app)
            await check(app, client)

    assert crashed > total - SPARE


@pytest.mark.slow
@pytest.mark.parametrize("make_plan", [FailAt, LoseAnswerAt, DuplicateAt], ids=name_of)
async def test_when_any_port_call_goes_wrong_the_same_process_goes_on(tmp_path: Path, make_plan: MakePlan) -> None:
    """A call that fails, one whose answer is lost, one that is made twice: the client asks again."""
    total = len(await port_calls(tmp_path))

    for n in range(1, total + 1):
        folder, client = tmp_path / f"{n}", Client()
        folder.mkdir()
        async with opened(folder, make_plan(n)) as app:
            for step in (client.do_errands, partial(check, client=client)):
                try:
                    await step(app)
                except (UnavailableError, ConflictError):
                    await step(app)
