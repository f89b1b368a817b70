"""How far views are behind: from the log and the checkpoints in the store, never from what a projector says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from math import exp
from typing import NamedTuple

from twofold.clock import Clock
from twofold.errors import UnknownNameError
from twofold.event_store.recorded_event import Mark
from twofold.event_store.store import EventStore
from twofold.read.source import fault_of_mark
from twofold.read.standing import Standing, standing
from twofold.read.status import RESTORED
from twofold.read.view_store import ViewStore, ViewTable
from twofold.runtime.health import ReaderStatus, ShardStatus

RATE_SECONDS = 10.0
"""Over about how long the rate is averaged: what happened that long ago counts for a third."""
_SHORTEST = 0.05


class _Moment(NamedTuple):
    """When something was measured: the store's clock (microseconds), this process's (seconds), and the log's head."""

    now: int
    monotonic: float
    head: int


class LagMeter:
    """Measures views from outside, so that every process finds the same, whether or not it runs them.

    Events behind are the positions of the log between checkpoint and head, of whatever type: a token waits for just
    those. Seconds behind are the age of the first event behind the checkpoint, by the clock that recorded it. Where
    that clock was set back they are at least the time for which this meter has seen that event wait.

    Args:
        events: the log.
        store: where rows and checkpoints are.
        views: what to measure.
        clock: measures rates and waits.
        objective: seconds that a view may be behind and still be called live.
    """

    def __init__(
        self, events: EventStore, store: ViewStore, views: Sequence[ViewTable], clock: Clock, *, objective: float
    ) -> None:
        self._events, self._store, self._clock = events, store, clock
        self._views = tuple(_View(view, events, objective) for view in views)
        self._measuring = asyncio.Lock()
        self._measured: tuple[ReaderStatus, ...] | None = None
        self._at = 0.0
        self.head = 0

    async def measure(self, max_age: float = 0.0) -> tuple[ReaderStatus, ...]:
        """Every view; what was measured no longer than *max_age* seconds ago will do. One measurement at a time.

        A view costs a few reads of one row, however far it is behind. Raises UnavailableError when a store does not
        answer.
        """
        async with self._measuring:
            if self._measured is None or self._clock.monotonic() - self._at >= max_age:
                self._measured = await self._measure(self._views)
                self._at = self._clock.monotonic()
            return self._measured

    async def one(self, name: str) -> ReaderStatus:
        """The view *name*, now. Raises UnknownNameError."""
        known = {view.table.view: view for view in self._views}
        if name not in known:
            raise UnknownNameError("view", name, tuple(known))
        async with self._measuring:
            (found,) = await self._measure([known[name]])
            return found

    async def _measure(self, views: Sequence[_View]) -> tuple[ReaderStatus, ...]:
        # In this order: what is written meanwhile may make a view seem to be further behind, never less.
        found = [await standing(self._store, view.table, self._events.epoch) for view in views]
        self.head = (await self._events.mark()).position
        moment = _Moment(await self._events.now(), self._clock.monotonic(), self.head)
        return tuple([await view.status(each, moment) for view, each in zip(views, found, strict=True)])


class _View:
    """What is remembered of one view between two measurements."""

    def __init__(self, table: ViewTable, events: EventStore, objective: float) -> None:
        self.table = table
        self._events, self._objective = events, objective
        self._pace = _Pace()
        self._checked: frozenset[Mark] = frozenset()
        self._waiting: dict[int, _Waiting] = {}

    async def status(self, found: Standing | None, moment: _Moment) -> ReaderStatus:
        """How far it is behind."""
        name = self.table.view
        if found is None:
            shard = await self._shard(0, 0, moment)
            return ReaderStatus(name, "starting", 0, shard.lag_events, shard.lag_seconds)
        fault = await self._fault(found.marks)
        positions = [0] if fault is not None else [mark.position for mark in found.marks]
        shards = tuple([await self._shard(number, position, moment) for number, position in zip(count(), positions)])
        seconds = max(shard.lag_seconds for shard in shards)
        return ReaderStatus(
            name,
            "stopped" if fault is not None else self._state(found, seconds),
            min(mark.position for mark in found.marks),
            max(shard.lag_events for shard in shards),
            seconds,
            fault,
            None if fault is None else RESTORED,
            parked_keys=found.parked_keys,
            rate=self._pace.rate(found.generation.number, min(positions), moment.monotonic),
            generation=found.generation.number,
            shards=shards,
        )

    async def _fault(self, marks: Sequence[Mark]) -> str | None:
        """Why a checkpoint is not one of this log: nothing of it is known to be folded then."""
        for mark in marks:
            is_checked = mark in self._checked and mark.epoch == self._events.epoch
            if not is_checked and (fault := await fault_of_mark(self._events, mark)) is not None:
                return fault
        self._checked = frozenset(marks)
        return None

    async def _shard(self, number: int, position: int, moment: _Moment) -> ShardStatus:
        behind = max(0, moment.head - position)
        if not behind:
            self._waiting.pop(number, None)
            return ShardStatus(number, position, 0, 0.0)
        waiting = self._waiting.get(number)
        if waiting is None or waiting.position != position:
            page = await self._events.read_log(position, limit=1, max_bytes=1)
            recorded_at = page.events[0].recorded_at if page.events else moment.now
            waiting = self._waiting[number] = _Waiting(position, recorded_at, moment.monotonic)
        seconds = max((moment.now - waiting.recorded_at) / 1e6, moment.monotonic - waiting.seen_at, 0.0)
        return ShardStatus(number, position, behind, seconds)

    def _state(self, found: Standing, seconds: float) -> str:
        if found.is_paused:
            return "paused"
        if found.is_rebuilding:
            return "rebuilding"
        return "catching-up" if seconds > self._objective else "live"


class _Waiting(NamedTuple):
    """The first event behind a checkpoint, and since when (seconds, monotonic) it has been seen to wait."""

    position: int
    recorded_at: int
    seen_at: float


class _Pace:
    """How fast a checkpoint moves: an average in which what is longer ago counts for less."""

    def __init__(self) -> None:
        self._last: tuple[int, int, float] | None = None
        self._rate: float | None = None

    def rate(self, generation: int, position: int, at: float) -> float | None:
        """Positions a second, now that it is at *position*; None until it has been seen twice."""
        if self._last is None or self._last[0] != generation or position < self._last[1]:
            self._last, self._rate = (generation, position, at), None
            return None
        passed = at - self._last[2]
        if passed >= _SHORTEST:
            speed = (position - self._last[1]) / passed
            weight = 1.0 if self._rate is None else 1.0 - exp(-passed / RATE_SECONDS)
            self._rate = weight * speed + (1.0 - weight) * (self._rate or 0.0)
            self._last = (generation, position, at)
        return self._rate
