"""Finds one event of the log by its position or by its message id."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any
from uuid import UUID

import click

from twofold.cli.exits import NothingThereError
from twofold.cli.log_pages import walk
from twofold.cli.output import counted
from twofold.event_store.moment import position_at
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore, Log
from twofold.messages.metadata import id_bytes, id_text

_TIME_BITS = 48
_VERSION = 7
_CLOCK_SLACK = 60_000_000
"""How far (microseconds) the clock that made an id may be ahead of the store's before the whole log is read."""
_NEWEST = "`twofold events tail` shows the newest ones"


class EventName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3 only
    """A position of the log, from 1, or a message id."""

    name = "event"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | bytes:
        """The position, or the 16 bytes of the id."""
        text = str(value)
        if text.isdecimal() and int(text) > 0:
            return int(text)
        try:
            return id_bytes(text)
        except ValueError:
            self.fail(f"{text!r} is neither a position (1, 2, ...) nor a message id", param, ctx)


async def find_event(log: Log, wanted: int | bytes) -> RecordedEvent:
    """The event at the position, or with the id, *wanted*.

    Raises NothingThereError; for the id of a command its remedy finds the command's events.
    """
    if isinstance(wanted, int):
        page = await log.events.read_log(wanted - 1, up_to=wanted, limit=1)
        if page.events:
            return page.events[0]
        raise NothingThereError(f"no event stands at position {wanted}", _NEWEST)
    recorded = await log.outcomes.by_id(wanted)
    if recorded is not None:
        before = f" --after {recorded.first - 1}" if recorded.first else ""
        raise NothingThereError(
            f"{id_text(wanted)} is the id of a command, {recorded.outcome.command}, "
            f"that made {counted(recorded.events, 'events')}",
            f"`twofold events search --causation {id_text(wanted)}{before}` shows them" if recorded.events else "",
        )
    found = await _by_id(log.events, wanted)
    if found is None:
        raise NothingThereError(f"no event has the id {id_text(wanted)}", _NEWEST)
    return found


async def _by_id(events: EventStore, wanted: bytes) -> RecordedEvent | None:
    """Ids tell when they were made, which is before the event was recorded: there first, then everywhere."""
    made = _made_at(wanted)
    begin = 0 if made is None else await position_at(events, made - _CLOCK_SLACK)
    return await _between(events, wanted, begin, None) or await _between(events, wanted, 0, begin)


async def _between(events: EventStore, wanted: bytes, after: int, up_to: int | None) -> RecordedEvent | None:
    async with aclosing(walk(events, after, up_to=up_to)) as walked:
        async for event in walked:
            if event.message_id == wanted:
                return event
    return None


def _made_at(message_id: bytes) -> int | None:
    """When a UUIDv7 was made (microseconds since 1970); None for any other id."""
    made = UUID(bytes=message_id)
    return (made.int >> (128 - _TIME_BITS)) * 1000 if made.version == _VERSION else None
