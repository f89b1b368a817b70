"""What a process held is free as soon as the server knows that it is gone, and it is back when it was only cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults.postgres.sessions import terminate, until
from tests.servers.databases import ask
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log

BACKENDS = "SELECT member, backend FROM twofold.members WHERE backend IS NOT NULL"
CONNECTED = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
LONG = 600.0


@pytest.fixture
async def other(log_url: str) -> AsyncIterator[PostgresLog]:
    log = await open_postgres_log(log_url)
    yield log
    await log.close()


async def ada_is_here(log: PostgresLog, log_url: str) -> int:
    """She holds `view`, for long; the number of her connection."""
    await until(bool, log_url, CONNECTED)
    while not (found := await ask(log_url, BACKENDS)):
        await log.leases.attend("ada", ["view"], LONG)
    await log.leases.take("ada", ["view"], LONG)
    return int(found[0]["backend"])


async def test_what_a_member_held_is_free_once_its_connection_has_ended(
    log: PostgresLog, other: PostgresLog, log_url: str
) -> None:
    await ada_is_here(log, log_url)
    before = (await other.leases.roster()).leases["view"]
    await log.close()
    await until(lambda rows: len(rows) == 1, log_url, CONNECTED)
    there = await other.leases.roster()
    taken = await other.leases.take("eve", ["view"], LONG)

    assert (there.members, there.leases) == ({}, {})
    assert taken["view"] > before.fence


async def test_one_that_was_cut_off_is_back_when_it_looks_again(
    log: PostgresLog, other: PostgresLog, log_url: str
) -> None:
    lost = await ada_is_here(log, log_url)
    await terminate(log_url, lost)
    await until(lambda rows: lost not in {row["pid"] for row in rows}, log_url, CONNECTED)
    meanwhile = (await other.leases.roster()).members
    await until(lambda rows: len(rows) == 2, log_url, CONNECTED)
    while (await log.leases.roster()).members != {"ada": frozenset(["view"])}:
        await log.leases.attend("ada", ["view"], LONG)

    assert meanwhile == {}
    assert (await other.leases.roster()).members == {"ada": frozenset(["view"])}


async def test_a_new_connection_is_made_known_by_looking(log: PostgresLog, log_url: str) -> None:
    lost = await ada_is_here(log, log_url)
    await terminate(log_url, lost)
    while not [row for row in await ask(log_url, BACKENDS) if row["backend"] != lost]:
        await log.leases.roster()

    assert (await log.leases.roster()).leases["view"].owner == "ada"


async def test_a_member_without_a_connection_of_its_own_is_waited_for(
    log: PostgresLog, other: PostgresLog, log_url: str
) -> None:
    """The check of the check: what frees the lease above is that the server knows of the connection."""
    await ada_is_here(log, log_url)
    await ask(log_url, "UPDATE twofold.members SET backend = NULL")
    await log.close()
    await until(lambda rows: len(rows) == 1, log_url, CONNECTED)

    assert await other.leases.take("eve", ["view"], LONG) == {}
