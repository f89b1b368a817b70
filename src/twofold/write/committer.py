"""Group commit: whatever was decided while the last batch was being written becomes the next batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from twofold.errors import ClosedError, UnavailableError
from twofold.event_store.outcome import Outcome
from twofold.event_store.store import EventStore
from twofold.event_store.write import Appended, Conflicted, StreamWrite, Write, WriteResult
from twofold.write.states import States, StreamState

SMALL_GROUP = 64
"""Writes that are not worth dividing."""


class Pending:
    """A decided write that waits for the disk. `result` is resolved once it is there, or refused."""

    __slots__ = (
        "after",
        "failed",
        "origin",
        "outcome",
        "place",
        "result",
        "states",
        "streams",
    )

    def __init__(
        self,
        streams: tuple[StreamWrite, ...],
        outcome: Outcome | None,
        states: tuple[StreamState, ...],
        origin: bytes,
        result: asyncio.Future[WriteResult],
    ) -> None:
        self.streams = streams
        self.outcome = outcome
        self.states = states
        self.origin = origin
        self.result = result
        self.after: tuple[Pending, ...] = ()
        self.place = -1
        self.failed = False


class Committer:
    """Gathers decided writes into batches, one batch at a time, and answers after the disk has.

    A large group goes in halves: while one is being written, the callers of the other decide what comes next.
    A write that was decided on the events of another that is still under way fails with it; its caller
    then decides again on what is really there.
    """

    def __init__(
        self,
        events: EventStore,
        states: States,
        *,
        max_writes: int = 2000,
        max_bytes: int = 8 << 20,
        max_waiting: int = 100_000,
    ) -> None:
        self._events = events
        self._states = states
        self._max_writes = max_writes
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting
        self._waiting: list[Pending] = []
        self._writing: asyncio.Task[None] | None = None
        self._is_called = False
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def _bind(self) -> asyncio.AbstractEventLoop:
        """Asked once: the answer costs a system call."""
        self._loop = asyncio.get_running_loop()
        return self._loop

    def submit(
        self, streams: tuple[StreamWrite, ...], outcome: Outcome, states: tuple[StreamState, ...], origin: bytes
    ) -> asyncio.Future[WriteResult]:
        """Hand over a write; the future resolves once it is durable, replayed or refused.

        *states* are those it was decided on, already advanced by its events. Raises UnavailableError
        when too much is waiting, ClosedError when closing; the states are thrown away then.
        """
        loop = self._loop or self._bind()
        pending = Pending(streams, outcome, states, origin, loop.create_future())
        if self._is_closed or len(self._waiting) >= self._max_waiting:
            self._throw_away(pending)
            raise (
                ClosedError("the app is closing")
                if self._is_closed
                else UnavailableError("too many commands are waiting")
            )
        has_events = _has_events(streams)
        for state in states:
            if state.tip is not None:
                pending.after = (*pending.after, state.tip)
            if has_events:
                state.tip = pending
        self._waiting.append(pending)
        if self._writing is None and not self._is_called:
            # Everything that is ready to run now still joins this batch.
            self._is_called = True
            loop.call_soon(self._start)
        return pending.result

    async def close(self) -> None:
        """Take nothing new and write what is waiting."""
        self._is_closed = True
        while self._waiting or self._writing is not None:
            if self._writing is None:
                self._start()
            if self._writing is not None:
                await asyncio.wait((self._writing,))

    def _start(self) -> None:
        self._is_called = False
        if self._writing is None and self._waiting:
            self._writing = asyncio.get_running_loop().create_task(self._write_batches())

    async def _write_batches(self) -> None:
        try:
            while batch := self._next_batch():
                await self._write(batch)
        finally:
            self._writing = None

    def _next_batch(self) -> list[Pending]:
        """The next writes within the limits, less those whose ground is lost already."""
        while taken := self._next_waiting():
            if batch := [pending for pending in taken if not self._lost(pending)]:
                return batch
        return []

    def _next_waiting(self) -> list[Pending]:
        waiting = self._waiting
        most = min(self._max_writes, max(SMALL_GROUP, (len(waiting) + 1) // 2))
        taken, size = 0, 0
        for pending in waiting:
            size += sum([len(event.data) for part in pending.streams for event in part.events])
            if taken == most or (taken and size > self._max_bytes):
                break
            taken += 1
        taken_now, self._waiting = waiting[:taken], waiting[taken:]
        return taken_now

    def _lost(self, pending: Pending) -> bool:
        if not pending.after or not any(earlier.failed for earlier in pending.after):
            return False
        part = pending.streams[0]
        self._settle(pending, Conflicted(part.stream, part.expected, -1))
        return True

    async def _write(self, batch: list[Pending]) -> None:
        try:
            results = await self._events.append(_writes(batch))
        except BaseException as error:
            for pending in batch:
                self._refuse(pending, error)
            if not isinstance(error, Exception):
                raise
            return
        for pending, result in zip(batch, results, strict=True):
            self._settle(pending, result)

    def _settle(self, pending: Pending, result: WriteResult) -> None:
        if isinstance(result, Appended):
            pending.after = ()
            for state in pending.states:
                if state.tip is pending:
                    state.tip = None
        else:
            self._throw_away(pending)
        if not pending.result.done():
            pending.result.set_result(result)

    def _refuse(self, pending: Pending, error: BaseException) -> None:
        self._throw_away(pending)
        if not pending.result.done():
            pending.result.set_exception(error if isinstance(error, Exception) else ClosedError("the app was stopped"))

    def _throw_away(self, pending: Pending) -> None:
        pending.failed = True
        pending.after = ()
        for state in pending.states:
            self._states.discard(state)


def _has_events(streams: Sequence[StreamWrite]) -> bool:
    """Whether a write changes what others decide on; one that does not may fail alone."""
    for part in streams:  # noqa: SIM110 - every command comes this way, and any() takes four times as long
        if part.events:
            return True
    return False


def _writes(batch: Sequence[Pending]) -> list[Write]:
    writes = []
    for place, pending in enumerate(batch):
        pending.place = place
        outcome = pending.outcome
        builds_on = () if not pending.after else tuple([a.place for a in pending.after if _is_in(batch, a)])
        message_id = outcome.message_id if outcome is not None else b""
        correlation_id = outcome.correlation_id if outcome is not None else b""
        writes.append(Write(pending.streams, outcome, message_id, correlation_id, pending.origin, builds_on))
    return writes


def _is_in(batch: Sequence[Pending], pending: Pending) -> bool:
    return 0 <= pending.place < len(batch) and batch[pending.place] is pending
