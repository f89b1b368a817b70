"""Hears what other processes announce with NOTIFY."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg

from twofold.adapters.postgres.errors import KNOWN
from twofold.retry import RetryPolicy

_log = logging.getLogger("twofold.postgres")
_RETRY = RetryPolicy(first_delay=0.05, max_delay=5.0)
_HEARTBEAT_SECONDS = 10.0


class Listener:
    """Keeps one connection that listens, and makes a new one when it is lost. What it misses is found by polling.

    `backend` is the number of the server process at the other end of it, None while there is none.

    Args:
        dsn: where to connect.
        hears: what to call with the payload, by channel.
        reconnected: called after every connect, as anything may have been missed before.
    """

    def __init__(self, dsn: str, hears: Mapping[str, Callable[[str], None]], reconnected: Callable[[], None]) -> None:
        self._dsn = dsn
        self._hears = hears
        self._reconnected = reconnected
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._task: asyncio.Task[None] | None = None
        self.backend: int | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it hears at the moment."""
        return self.backend is not None

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._task = asyncio.create_task(self._keep_listening(), name="twofold:listener")

    async def close(self) -> None:
        """Stop listening. Repeating it does nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None

    async def _keep_listening(self) -> None:
        failures = 0
        while True:
            try:
                await self._listen()
                failures = 0
            except KNOWN as error:
                failures += 1
                if failures == 1:
                    _log.warning("the listener lost its connection and polls until it is back: %s", error)
            await asyncio.sleep(_RETRY.delay(max(1, failures), self._rng))

    async def _listen(self) -> None:
        """Until the connection ends. Raises what connecting raises."""
        lost = asyncio.Event()
        connection = await asyncpg.connect(self._dsn, timeout=5.0)
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            for channel, hear in self._hears.items():
                await connection.add_listener(channel, _hearing(hear))
            self.backend = connection.get_server_pid()
            self._reconnected()
            await self._until(lost, connection)
        finally:
            self.backend = None
            connection.terminate()

    async def _until(self, lost: asyncio.Event, connection: Any) -> None:
        """Until *lost*; a dead peer that says nothing is found by asking now and then."""
        while not lost.is_set():
            try:
                await asyncio.wait_for(lost.wait(), _HEARTBEAT_SECONDS)
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=_HEARTBEAT_SECONDS)


def _hearing(hear: Callable[[str], None]) -> Callable[[Any, int, str, Any], None]:
    def heard(_connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        hear(str(payload))

    return heard
