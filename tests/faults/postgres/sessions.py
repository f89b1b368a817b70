"""What the server knows about its connections: the oracle for who waits, and for what was left open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.servers.databases import ask

PATIENCE = 60.0
LEFT_OPEN = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
"""
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'
"""
LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


async def left_open(url: str) -> int:
    """How many transactions are open in which nothing happens."""
    return int((await ask(url, LEFT_OPEN))[0][0])


async def waiting_for_a_lock(url: str, statement: str) -> int:
    """The process of the connection whose *statement* waits for a lock, once there is one."""
    return int((await until(bool, url, WAITING, statement))[0][0])


async def listening(url: str) -> int:
    """The process of the connection that listens, once there is one."""
    return int((await until(bool, url, LISTENING))[0][0])


async def terminate(url: str, pid: int) -> None:
    """End a connection from the server's side."""
    assert (await ask(url, "SELECT pg_terminate_backend($1)", pid))[0][0]


async def until(holds: Callable[[Any], bool], url: str, statement: str, *values: object) -> Any:
    """The rows of *statement* as soon as they are as wanted."""
    async with asyncio.timeout(PATIENCE):
        while not holds(rows := await ask(url, statement, *values)):
            continue
    return rows
