"""The log's port, its appends timed and their sizes noted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from time import perf_counter

from twofold.event_store.store import EventStore
from twofold.event_store.write import Write, WriteResult
from twofold.runtime.measures import SECONDS, Family, Histogram, counter, histogram


class AppendMeasures:
    """How long batches of writes took, and how many writes they held."""

    def __init__(self) -> None:
        self._seconds = Histogram()
        self._writes = 0
        self._failures = 0

    def note(self, writes: int, seconds: float) -> None:
        """A batch was answered. This is on the way of every commit, so it calls as little as it can."""
        times = self._seconds
        times.counts[bisect_left(SECONDS, seconds)] += 1
        times.sum += seconds
        self._writes += writes

    def failed(self, seconds: float) -> None:
        """A batch was refused as a whole, or nobody knows what came of it."""
        self._seconds.observe(seconds)
        self._failures += 1

    def families(self) -> Iterator[Family]:
        """What was measured so far."""
        text = "Seconds until a batch of writes was durable, or had failed."
        yield histogram("twofold_append_duration_seconds", text, (), {(): self._seconds})
        text = "Writes in batches that were answered: by their number, how many went together."
        yield counter("twofold_append_writes", text, (), {(): self._writes})
        text = "Batches that failed as a whole, as when the store does not answer."
        yield counter("twofold_append_failures", text, (), {(): self._failures})


class MeasuredEventStore:
    """An event store whose batches are measured; everything else goes straight through."""

    def __init__(self, inner: EventStore, measures: AppendMeasures) -> None:
        self._inner, self._measures = inner, measures
        self.read_stream = inner.read_stream
        self.read_log = inner.read_log
        self.mark = inner.mark
        self.wait = inner.wait
        self.now = inner.now

    @property
    def epoch(self) -> str:
        """See EventStore."""
        return self._inner.epoch

    @epoch.setter
    def epoch(self, epoch: str) -> None:
        self._inner.epoch = epoch

    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        """See EventStore.append."""
        began = perf_counter()
        try:
            results = await self._inner.append(writes)
        except BaseException:
            self._measures.failed(perf_counter() - began)
            raise
        self._measures.note(len(writes), perf_counter() - began)
        return results
