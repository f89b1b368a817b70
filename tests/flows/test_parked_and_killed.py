"""Processes that park and try again are killed at any instant: no event of a row is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.flows.office import CONFIG, OFFICE, UNREADABLE, Copied, Pile, file, folded, parked
from twofold import OpenApp
from twofold.testing.clock import ManualClock

ROOT = Path(__file__).parents[2]
CYCLES = int(os.environ.get("TWOFOLD_KILLS") or 200) // 25
POISON = [str(number) for number in range(0, 10_000, 9)]


async def killed_after(seconds: float, url: str, unreadable: list[str], write: Callable[[], Awaitable[None]]) -> None:
    """Let a clerk fold for about so long, while letters arrive, and kill it."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    clerk = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.flows.clerk", url, *unreadable,
        cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert clerk.stdout is not None
        await clerk.stdout.readline()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await write()
    finally:
        clerk.kill()
        await clerk.wait()


async def test_killed_at_any_instant_every_row_ends_as_if_nothing_had_failed(lasting_url: str) -> None:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    rng, history, copied = random.Random(seed), list[tuple[str, str]](), list[tuple[str, str]]()

    async def write() -> None:
        desk, text, to_all = rng.choice("abcd"), str(len(history)), rng.sample("wxyz", rng.randrange(3))
        await file(office, desk, text, copies=tuple(to_all))
        history.append((desk, text))
        copied.extend((to, text) for to in to_all)

    clock = ManualClock()
    most_parked = 0
    async with OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        for cycle in range(CYCLES):
            unreadable = POISON if cycle % 2 == 0 else []
            await killed_after(rng.uniform(0.05, 0.4), lasting_url, unreadable, write)
            most_parked = max(most_parked, len(await parked(office)) + len(await parked(office, "Copied")))
    UNREADABLE.clear()
    async with OFFICE.open(lasting_url, config=CONFIG, workers=False, clock=clock) as office:
        await folded_to_the_end(office, clock)

        assert {pile.desk: pile.texts for pile in await office.find(Pile)} == folded(history)
        assert {copy.to: copy.texts for copy in await office.find(Copied)} == folded(copied)
    assert most_parked, "nothing was ever parked: the test shows nothing"


async def folded_to_the_end(office: OpenApp, clock: ManualClock) -> None:
    """Step until everything is folded: the leases of those who were killed end first."""
    head = (await office.log.events.mark()).position
    async with asyncio.timeout(60):
        while True:
            await office.run_until_idle()
            clock.advance(400.0)
            is_there = all(each.position >= head for each in await office.check.views())
            if is_there and not [*await parked(office), *await parked(office, "Copied")]:
                return
            await asyncio.sleep(0.01)
