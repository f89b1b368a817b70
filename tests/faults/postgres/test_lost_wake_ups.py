"""Another process folds, this one waits for it: woken by NOTIFY, and fresh all the same when nobody announces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.postgres.sessions import PATIENCE, terminate, until
from tests.flows.team import BoxPage, Post, Team, team_on
from twofold.adapters.postgres import view_store
from twofold.read import freshness

LISTENERS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN "twofold_views"%'
"""


@pytest.fixture
async def team(log_url: str) -> AsyncIterator[Team]:
    """One process that folds, ada, and one that only asks, eve."""
    async with team_on(log_url) as team:
        await team.come("ada")
        await team.settle()
        await team.come("eve")
        await until(lambda rows: len(rows) == len(team.members), log_url, LISTENERS)
        yield team


@pytest.fixture
def without_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by himself before his time is up."""
    monkeypatch.setattr(freshness, "FIRST_LOOK", 1000.0)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every notification is lost on its way."""
    monkeypatch.setattr(view_store, "telling", lambda _heard: lambda _announced: None)


async def seen_by_eve(team: Team) -> int:
    """How many letters eve sees in a box after one more, folded by ada while eve waits."""
    eve = team.members["eve"]
    token = (await eve.send(Post(box="ada", number=1, town="Oslo"))).token
    asking = asyncio.create_task(eve.get(BoxPage, "ada", after=token, wait=PATIENCE))
    await asyncio.sleep(0)
    await team.members["ada"].run_until_idle()
    async with asyncio.timeout(PATIENCE / 2):
        return len((await asking).numbers)


async def test_who_waits_is_woken_when_another_process_has_folded(without_polls: None, team: Team) -> None:
    assert await seen_by_eve(team) == 1


async def test_a_lost_notification_is_made_up_for_by_looking(lost: None, team: Team) -> None:
    assert await seen_by_eve(team) == 1


async def test_who_neither_hears_nor_looks_waits_in_vain(
    without_polls: None, lost: None, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of the checks above."""
    monkeypatch.setattr("tests.faults.postgres.test_lost_wake_ups.PATIENCE", 1.0)

    with pytest.raises(TimeoutError):
        await seen_by_eve(team)


async def test_after_its_connection_was_lost_a_process_hears_again(
    without_polls: None, team: Team, log_url: str
) -> None:
    before = {pid for (pid,) in await until(bool, log_url, LISTENERS)}
    for pid in before:
        await terminate(log_url, pid)
    await until(lambda rows: len({pid for (pid,) in rows} - before) == len(team.members), log_url, LISTENERS)

    assert await seen_by_eve(team) == 1
