"""Walks through the log page by page, so that memory does not grow with history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from twofold.clock import to_micros
from twofold.errors import StoreUnavailableError
from twofold.event_store.moment import position_at
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EVERYTHING, EventStore, LogFilter
from twofold.event_store.stream import category_of

PAGE = 1000
WAIT = 1.0


class Wanted(NamedTuple):
    """Which events are looked for. Types and categories are filtered by the store, the rest here."""

    types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    stream: str | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def where(self) -> LogFilter:
        """The part that the store filters."""
        categories = self.categories or (() if self.stream is None else (category_of(self.stream),))
        return LogFilter(frozenset(self.types) or None, frozenset(categories) or None)

    def fits(self, event: RecordedEvent) -> bool:
        """Whether the rest holds for *event*."""
        return (
            (self.stream is None or event.stream == self.stream)
            and (self.correlation is None or event.correlation_id == self.correlation.bytes)
            and (self.causation is None or event.causation_id == self.causation.bytes)
            and (self.since is None or event.recorded_at >= to_micros(self.since))
            and (self.until is None or event.recorded_at < to_micros(self.until))
            and (self.text is None or self.text.encode() in event.data)
        )


async def walk(
    log: EventStore, after: int = 0, *, up_to: int | None = None, where: LogFilter = EVERYTHING
) -> AsyncGenerator[RecordedEvent, None]:
    """Every event behind position *after*, in order, up to *up_to* or else to the head at the time."""
    at_head = False
    while not at_head:
        page = await log.read_log(after, where=where, limit=PAGE, up_to=up_to)
        for event in page.events:
            yield event
        at_head = page.at_head or page.reached <= after or (up_to is not None and page.reached >= up_to)
        after = page.reached


async def find(log: EventStore, wanted: Wanted, after: int = 0) -> AsyncGenerator[RecordedEvent, None]:
    """Every event behind position *after* that is *wanted*, in order. What was recorded at other times is not read."""
    if wanted.since is not None:
        after = max(after, await position_at(log, to_micros(wanted.since) - 1))
    up_to = None if wanted.until is None else await position_at(log, to_micros(wanted.until) - 1)
    async with aclosing(walk(log, after, up_to=up_to, where=wanted.where())) as events:
        async for event in events:
            if wanted.fits(event):
                yield event


async def follow(
    log: EventStore, after: int, where: LogFilter, told: Callable[[str], None], pause: float = WAIT
) -> AsyncGenerator[RecordedEvent, None]:
    """Every event behind position *after*, for ever, as they come.

    A store that does not answer is asked again every *pause* seconds; *told* is called when that begins and ends.
    """
    is_away = False
    while True:
        try:
            await log.wait(after, WAIT)
            page = await log.read_log(after, where=where, limit=PAGE)
        except StoreUnavailableError as error:
            if not is_away:
                told(f"{error}; going on when it answers")
            is_away = True
            await asyncio.sleep(pause)
            continue
        if is_away:
            told("it answers again")
        is_away = False
        for event in page.events:
            yield event
        after = page.reached


async def newest(log: EventStore, count: int, where: LogFilter) -> tuple[list[RecordedEvent], int]:
    """The last *count* events that match, in order, and the log's head when they were read."""
    head = (await log.mark()).position
    found: list[RecordedEvent] = []
    before = head + 1
    while len(found) < count and before > 1:
        page = await log.read_log(before, where=where, limit=count - len(found), backwards=True)
        found += page.events
        if page.at_head or page.reached >= before:
            break
        before = page.reached
    return found[::-1], head
