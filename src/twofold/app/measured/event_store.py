"""The log's port, its appends timed and their sizes noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

from twofold.event_store.store import EventStore
from twofold.event_store.write import Appended, Write, WriteResult
from twofold.runtime.measures import SIZES, Family, Histogram, counter, histogram


class AppendMeasures:
    """What batches of writes held, took, and came to."""

    def __init__(self) -> None:
        self._seconds = Histogram()
        self._writes = Histogram(SIZES)
        self._events = 0
        self._failures = 0

    def note(self, results: Sequence[WriteResult], seconds: float) -> None:
        """A batch was answered."""
        self._seconds.observe(seconds)
        self._writes.observe(len(results))
        self._events += sum(
            [each.position - each.first + 1 for each in results if type(each) is Appended and each.first]
        )

    def failed(self, seconds: float) -> None:
        """A batch was refused as a whole, or nobody knows what came of it."""
        self._seconds.observe(seconds)
        self._failures += 1

    def families(self) -> Iterator[Family]:
        """What was measured so far."""
        text = "Seconds until a batch of writes was durable, or had failed."
        yield histogram("twofold_append_duration_seconds", text, (), {(): self._seconds})
        yield histogram("twofold_append_batch_writes", "Writes in one batch.", (), {(): self._writes})
        yield counter("twofold_appended_events", "Events that batches put into the log.", (), {(): self._events})
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
        self._measures.note(results, perf_counter() - began)
        return results
