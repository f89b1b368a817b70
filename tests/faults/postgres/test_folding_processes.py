"""Processes that fold are stopped, killed and added: what they had goes to others, and no event is folded twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.postgres.folding import CONFIG, LEASE_SECONDS
from tests.flows.team import POST, SHARDS, BoxPage, Team, TownPage
from twofold import NotFreshError, OpenApp

ROOT = Path(__file__).parents[3]
ROUNDS = int(os.environ.get("TWOFOLD_FOLDING_ROUNDS") or 8)
PATIENCE = 60.0
LETTERS = 100
"""So many that every shard has some."""
FIRST_BATCH = 2 * SHARDS + 1
"""The first saves announce the leases, of two views."""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(log_url: str) -> Iterator[Start]:
    """Starts a process that folds."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, url: str = log_url) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        command = [sys.executable, "-m", "tests.faults.postgres.folding", url, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """The next thing it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def next_word(process: subprocess.Popen[str]) -> str:
    return await asyncio.wait_for(asyncio.to_thread(said, process), PATIENCE)


class Office(Team):
    """The team as seen by the one who only sends letters and asks."""

    def __init__(self, url: str, sender: OpenApp) -> None:
        super().__init__(url)
        self.members = {"sender": sender}

    async def catch_up(self, token: str, wait: float = PATIENCE) -> None:
        """Until everything up to *token* is folded."""
        for view in (BoxPage, TownPage):
            await self.members["sender"].find(view, after=token, wait=wait)


@asynccontextmanager
async def office_on(log_url: str) -> AsyncIterator[Office]:
    async with POST.open(log_url, workers=False, config=CONFIG) as sender:
        yield Office(log_url, sender)


async def overtaken(office: Office, owner: subprocess.Popen[str]) -> str:
    """The owner of the leases stops with a batch in its hands, another process goes on in its place, then it does too.

    Returns what it says of that batch.
    """
    assert [await next_word(owner), await next_word(owner)] == ["up", "stopping"]
    token = await office.post(LETTERS, random.Random(6))
    async with POST.open(office.url, config=CONFIG):
        await office.catch_up(token)
        owner.send_signal(signal.SIGCONT)
        return await next_word(owner)


async def test_what_a_stopped_owner_writes_after_the_end_of_its_lease_is_refused(log_url: str, start: Start) -> None:
    async with office_on(log_url) as office:
        await office.post(LETTERS, random.Random(5))
        word = await overtaken(office, start("--stop-at-save", str(FIRST_BATCH)))

        assert word.startswith("refused: ")
        await office.agrees()
        await office.catch_up(await office.post(LETTERS, random.Random(7)))
        await office.agrees()


async def test_a_careless_store_under_a_stopped_owner_is_found_out(log_url: str, start: Start) -> None:
    """The check of the check: without fence and expected place the late batch undoes what came after it."""
    async with office_on(log_url) as office:
        await office.post(LETTERS, random.Random(5))
        word = await overtaken(office, start("--careless", "--stop-at-save", str(FIRST_BATCH)))

        assert word == "saved"
        with pytest.raises(AssertionError):
            await office.agrees()


LONG = "600"


async def killed(office: Office, owner: subprocess.Popen[str], url: str, wait: float) -> None:
    """The owner of the leases is killed long before they end, and another process goes on in its place."""
    assert await next_word(owner) == "up"
    await office.catch_up(await office.post(LETTERS, random.Random(5)))
    owner.kill()
    token = await office.post(LETTERS, random.Random(6))
    async with POST.open(url, config=replace(CONFIG, lease_seconds=float(LONG))):
        await office.catch_up(token, wait)
    await office.agrees()


async def test_a_killed_owner_is_not_waited_for(log_url: str, start: Start) -> None:
    async with office_on(log_url) as office:
        await killed(office, start("--lease-seconds", LONG), log_url, PATIENCE)


async def test_an_owner_without_a_connection_of_its_own_is_waited_for(log_url: str, start: Start) -> None:
    """The check of the check: nobody can know whether a process behind PgBouncer is gone."""
    url = f"{log_url}&pgbouncer=true"
    async with office_on(log_url) as office:
        with pytest.raises(NotFreshError):
            await killed(office, start("--lease-seconds", LONG, url=url), url, 2.0)


@pytest.mark.slow
async def test_processes_stopped_killed_and_added_under_load_fold_every_event_once_in_order(
    log_url: str, start: Start
) -> None:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")
    rng = random.Random(seed)
    async with office_on(log_url) as office:
        working, is_over, tokens = [start() for _ in range(3)], asyncio.Event(), [""]
        for process in working:
            assert await next_word(process) == "up"

        async def load() -> None:
            while not is_over.is_set():
                tokens[0] = await office.post(5, rng)

        async with asyncio.TaskGroup() as loading:
            loading.create_task(load())
            for _ in range(ROUNDS):
                await disturb(working, start, rng)
            is_over.set()
        await office.catch_up(tokens[0])
        await office.agrees()
    print(f"{office.sent} letters")
    assert office.sent > LETTERS, "too little happened: the test shows nothing"


async def disturb(working: list[subprocess.Popen[str]], start: Start, rng: random.Random) -> None:
    """One process is killed and another one added, or one is stopped until its leases have ended."""
    victim = rng.choice(working)
    if rng.random() < 0.6:
        victim.kill()
        working.remove(victim)
        working.append(start())
        assert await next_word(working[-1]) == "up"
    else:
        victim.send_signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE_SECONDS * rng.uniform(0.5, 2.5))  # time has to pass: it is the server's
        victim.send_signal(signal.SIGCONT)
    await asyncio.sleep(LEASE_SECONDS * rng.random())
