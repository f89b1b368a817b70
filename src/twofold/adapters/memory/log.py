"""An open log in memory."""

from __future__ import annotations

from uuid import uuid4

from twofold.adapters.memory.bulk import MemoryBulk
from twofold.adapters.memory.command_queue import MemoryCommandQueue
from twofold.adapters.memory.event_store import MemoryEventStore
from twofold.adapters.memory.leases import MemoryLeases
from twofold.adapters.memory.lifetime import Lifetime
from twofold.adapters.memory.outcomes import MemoryOutcomes
from twofold.adapters.memory.snapshots import MemorySnapshots
from twofold.clock import Clock, SystemClock
from twofold.event_store.bulk import Bulk
from twofold.event_store.leases import Leases
from twofold.event_store.store import CommandQueue, EventStore, Outcomes, Snapshots, Transactions


class MemoryLog:
    """The ports of one log, kept together. It has no transactions, since there is no SQL to share."""

    def __init__(self, clock: Clock) -> None:
        self._lifetime = Lifetime()
        outcomes = MemoryOutcomes(self._lifetime)
        events = MemoryEventStore(clock, outcomes, self._lifetime)
        self.events: EventStore = events
        self.outcomes: Outcomes = outcomes
        self.snapshots: Snapshots = MemorySnapshots(self._lifetime)
        self.queue: CommandQueue = MemoryCommandQueue(self._lifetime, clock)
        self.leases: Leases = MemoryLeases(self._lifetime, clock)
        self.bulk: Bulk = MemoryBulk(events, outcomes, self._lifetime)
        self.transactions: Transactions | None = None

    async def renew_epoch(self) -> str:
        """See Log.renew_epoch."""
        self._lifetime.check()
        self.events.epoch = uuid4().hex
        return self.events.epoch

    async def close(self) -> None:
        """Let go of everything; it is gone. Repeating it does nothing."""
        self._lifetime.close()


def open_memory_log(clock: Clock | None = None) -> MemoryLog:
    """A new, empty log that lives as long as the process keeps it."""
    return MemoryLog(clock or SystemClock())
