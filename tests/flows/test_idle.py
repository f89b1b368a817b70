"""Processes that have nothing to do do next to nothing, whoever holds the leases."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial

import pytest

from tests.flows.team import POST, Post
from twofold import Config, OpenApp
from twofold.read.verifier import Verifier
from twofold.runtime.worker import Step

STEPS_A_SECOND = 100
"""More than any worker needs; one that spins takes thousands."""


def counted(name: str, app: OpenApp, steps: Counter[str]) -> None:
    """Count the steps of every worker of *app*."""

    async def step(worker: str, inner: Step) -> int:
        steps[f"{worker} of {name}"] += 1
        return await inner()

    for worker in app._supervisor._workers.values():
        worker.step = partial(step, worker.name, worker.step)


async def steps_in_a_second(url: str) -> Counter[str]:
    """How often the workers of two idle processes step. Time has to pass: it is what is asked for."""
    steps: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        apps = [await stack.enter_async_context(POST.open(url, config=Config(pool_size=3))) for _ in range(2)]
        await apps[0].send(Post(box="ada", number=1, town="Oslo"))
        await asyncio.sleep(1)  # they share the leases out, and come to rest
        for name, app in enumerate(apps):
            counted(f"app {name}", app, steps)
        await asyncio.sleep(1)
    return steps


async def test_no_worker_of_an_idle_process_spins(lasting_url: str) -> None:
    steps = await steps_in_a_second(lasting_url)

    assert steps
    assert {name: count for name, count in steps.items() if count > STEPS_A_SECOND} == {}


async def test_a_worker_that_spins_is_found(lasting_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: a wait that ends at once."""

    async def at_once(_self: Verifier, _seconds: float) -> bool:
        await asyncio.sleep(0)
        return False

    monkeypatch.setattr(Verifier, "rest", at_once)

    assert max((await steps_in_a_second(lasting_url)).values()) > STEPS_A_SECOND
