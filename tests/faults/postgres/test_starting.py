"""Eight processes start at once on an empty database: one makes what is missing, and all of them work."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.flows.tea_shop import SHOP, Books, Buy, Stock, agrees
from twofold import Config
from twofold.adapters.postgres import migrations
from twofold.adapters.sql.statements import load_statements

ROOT = Path(__file__).parents[3]
PROCESSES = 8


async def start(url: str, name: str) -> Process:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.faults.postgres.starter", url, name]
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, cwd=ROOT
    )


async def started_at_once(url: str, number: int) -> list[dict[str, Any]]:
    """What each process saw; fails with what a process printed when it failed."""
    processes = [await start(url, f"process {each}") for each in range(number)]
    for process in processes:
        assert process.stdout is not None
        await process.stdout.readline()
    told = await asyncio.gather(*[process.communicate(b"go\n") for process in processes])
    assert [process.returncode for process in processes] == [0] * number, [error.decode() for _, error in told]
    return [json.loads(output) for output, _ in told]


async def test_eight_processes_that_start_at_once_on_an_empty_database_all_work(postgres_url: str) -> None:
    seen = await started_at_once(postgres_url, PROCESSES)

    books = Books()
    for number in range(PROCESSES):
        books.note(Stock(item="tea", amount=1, price=Decimal(1)))
        books.note(Buy(item="tea", buyer=f"process {number}", amount=1))
    async with SHOP.open(postgres_url, config=Config(), workers=False) as shop:
        await agrees(shop, books)
        assert {each["epoch"] for each in seen} == {shop.log.events.epoch}


async def test_starting_without_taking_turns_fails(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without the lock that migrations take, some of those that start at once get in each other's way."""
    monkeypatch.setattr(
        migrations, "load_statements", lambda *which: load_statements(*which) | {"take_turn": "SELECT 1"}
    )

    async def start_app() -> None:
        async with SHOP.open(postgres_url, config=Config(), workers=False):
            pass

    answers = await asyncio.gather(*[start_app() for _ in range(PROCESSES)], return_exceptions=True)

    assert any(isinstance(answer, BaseException) for answer in answers)
