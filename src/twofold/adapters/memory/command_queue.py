"""Queued commands in memory."""

from __future__ import annotations

from twofold.adapters.memory.lifetime import Lifetime
from twofold.clock import Clock
from twofold.event_store.store import Backlog, QueuedCommand


class MemoryCommandQueue:
    """Commands that wait for a worker of this process."""

    def __init__(self, lifetime: Lifetime, clock: Clock) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._last = 0
        self._queued: dict[int, QueuedCommand] = {}

    async def put(self, message_id: bytes, command: str, data: bytes, context: bytes) -> None:
        """See CommandQueue.put."""
        if await self.get(message_id) is None:
            self._last += 1
            queued_at = self._clock.now_micros()
            self._queued[self._last] = QueuedCommand(self._last, message_id, command, data, context, queued_at)

    async def waiting(self, after: int = 0, limit: int = 100) -> list[QueuedCommand]:
        """See CommandQueue.waiting."""
        self._lifetime.check()
        return [queued for number, queued in self._queued.items() if number > after][:limit]

    async def get(self, message_id: bytes) -> QueuedCommand | None:
        """See CommandQueue.get."""
        self._lifetime.check()
        return next((queued for queued in self._queued.values() if queued.message_id == message_id), None)

    async def remove(self, number: int) -> None:
        """See CommandQueue.remove."""
        self._lifetime.check()
        self._queued.pop(number, None)

    async def backlog(self, up_to: int = 10_000) -> Backlog:
        """See CommandQueue.backlog."""
        self._lifetime.check()
        first = next(iter(self._queued.values()), None)
        return Backlog(min(len(self._queued), up_to), None if first is None else first.queued_at)
