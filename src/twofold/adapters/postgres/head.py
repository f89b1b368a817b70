"""Where the log ends, as far as this process knows, and who waits for it to get further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from twofold.adapters.postgres.database import Database

FIRST_POLL_SECONDS = 0.005
LAST_POLL_SECONDS = 0.25


class HeadWatch:
    """Told by this process's appends and by NOTIFY, and polling behind both; no wake-up has to arrive.

    It polls less often while *hears* says that notifications arrive.
    """

    def __init__(self, database: Database, sql: dict[str, str], hears: Callable[[], bool] = lambda: False) -> None:
        self._database = database
        self._statement = sql["read_head_position"]
        self._hears = hears
        self._head = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._asking: asyncio.Task[None] | None = None

    def reached(self, position: int) -> None:
        """The log has at least this position: wake whoever waits."""
        if position <= self._head:
            return
        self._head = position
        self.wake()

    def wake(self) -> None:
        """Tell everyone who waits to look again."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, after: int, timeout: float) -> bool:
        """See EventStore.wait."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        pause = LAST_POLL_SECONDS if self._hears() else FIRST_POLL_SECONDS
        while self._head <= after:
            await self._ask()
            left = deadline - loop.time()
            if self._head > after or left <= 0:
                break
            woken = loop.create_future()
            self._waiting.add(woken)
            await asyncio.wait((woken,), timeout=min(left, pause))
            self._waiting.discard(woken)
            pause = min(pause * 2, LAST_POLL_SECONDS)
        return self._head > after

    async def _ask(self) -> None:
        """Ask the store; callers at the same time share one question."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._look(), name="twofold:head")
        await asyncio.shield(self._asking)

    async def _look(self) -> None:
        try:
            row = await self._database.row(self._statement)
            self.reached(row[0] if row is not None else 0)
        finally:
            self._asking = None
