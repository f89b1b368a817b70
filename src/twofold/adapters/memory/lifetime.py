"""Whether a log in memory is still open; its ports share one answer."""

from __future__ import annotations

import asyncio

from twofold.errors import ClosedError


class Lifetime:
    """From opening to closing."""

    def __init__(self) -> None:
        self._closed = False
        self._changed = asyncio.Event()

    def check(self) -> None:
        """Raise ClosedError once the log is closed."""
        if self._closed:
            raise ClosedError("the log is closed")

    def close(self) -> None:
        """End it. Whoever waits is woken."""
        self._closed = True
        self.wake()

    def wake(self) -> None:
        """Let everyone go on who awaits `changed`."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self) -> None:
        """Return at the next `wake`."""
        await self._changed.wait()
