"""Loads whole logs into memory."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.adapters.memory.event_store import MemoryEventStore
from twofold.adapters.memory.lifetime import Lifetime
from twofold.adapters.memory.outcomes import MemoryOutcomes
from twofold.event_store.bulk import check_epoch, check_load
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent


class MemoryBulk:
    """The reference implementation of Bulk."""

    def __init__(self, events: MemoryEventStore, outcomes: MemoryOutcomes, lifetime: Lifetime) -> None:
        self._events = events
        self._outcomes = outcomes
        self._lifetime = lifetime

    async def outcomes(self, after: int, limit: int) -> list[RecordedOutcome]:
        """See Bulk.outcomes."""
        self._lifetime.check()
        return self._outcomes.since(after)[:limit]

    async def load(
        self, events: Sequence[RecordedEvent], outcomes: Sequence[RecordedOutcome], epoch: str | None = None
    ) -> None:
        """See Bulk.load."""
        self._lifetime.check()
        ending = self._events.ending(self._outcomes.last_number)
        check_epoch(epoch, self._events.epoch, ending)
        check_load(events, outcomes, ending, self._events.versions(event.stream for event in events))
        self._outcomes.check_unknown(outcomes)
        self._events.epoch = epoch or self._events.epoch
        self._events.load(events)
        self._outcomes.load(outcomes)
        if events:
            self._lifetime.wake()
