"""The proxy loses exactly what it is told to lose, and nothing else."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.servers.databases import ask
from tests.servers.proxy import Moment, Proxy

LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)


async def test_what_is_not_lost_goes_through(postgres_url: str) -> None:
    async with Proxy.before(postgres_url) as proxy:
        connection = await asyncpg.connect(proxy.url)

        assert len(await connection.fetch("SELECT n FROM generate_series(1, 3) AS n WHERE n > $1", 1)) == 2
        assert await connection.fetchval("SELECT repeat('x', 1000000)") == "x" * 1000000

        await connection.close()


@pytest.mark.parametrize(("moment", "rows"), [("request", 0), ("reply", 1)])
@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES (1)", "INSERT INTO t SELECT $1"])
async def test_a_lost_reply_was_carried_out_and_a_lost_request_was_not(
    postgres_url: str, moment: Moment, rows: int, statement: str
) -> None:
    await ask(postgres_url, "CREATE TABLE t (a int)")
    async with Proxy.before(postgres_url) as proxy:
        connection = await asyncpg.connect(proxy.url)
        happened = proxy.lose("INSERT INTO t", moment)

        with pytest.raises(LOST):
            await connection.execute(statement, *([1] if "$1" in statement else []))

    assert happened.is_set()
    assert (await ask(postgres_url, "SELECT count(*) FROM t"))[0][0] == rows


async def test_a_lost_reply_to_commit_has_committed(postgres_url: str) -> None:
    await ask(postgres_url, "CREATE TABLE t (a int)")
    async with Proxy.before(postgres_url) as proxy:
        connection = await asyncpg.connect(proxy.url)
        proxy.lose("COMMIT", "reply")

        with pytest.raises(LOST):
            async with connection.transaction():
                await connection.execute("INSERT INTO t VALUES (1)")

    assert (await ask(postgres_url, "SELECT count(*) FROM t"))[0][0] == 1


async def test_a_silent_proxy_passes_nothing_until_it_speaks_again(postgres_url: str) -> None:
    async with Proxy.before(postgres_url) as proxy:
        connection = await asyncpg.connect(proxy.url)
        proxy.silence()
        answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))

        done, _ = await asyncio.wait([answer], timeout=0.1)
        assert not done

        proxy.speak()
        assert await answer == 1
        await connection.close()
