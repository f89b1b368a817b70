"""Moments of the past: positions by time, and versions by position, found with a few small reads."""

from __future__ import annotations

import re
from datetime import datetime

from twofold.errors import MomentUnknownError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore

Moment = int | datetime | str
"""As of when: a position of the log, an aware datetime, or a token. Time is `recorded_at`, the store's clock."""

_POSITION = re.compile(r"[0-9]{1,19}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([Tt ].*)?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{24,}")


def read_moment(text: str) -> Moment:
    """*text* as a moment: digits are a position, an ISO 8601 date or time is a time, and the rest has to be a token.

    A time without a zone is answered as it is; `Moments.mark` refuses it. Raises MomentUnknownError.
    """
    if _POSITION.fullmatch(text):
        return int(text)
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise _no_moment(text) from error
    if _TOKEN.fullmatch(text):
        return text
    raise _no_moment(text)


def _no_moment(text: str) -> MomentUnknownError:
    return MomentUnknownError(f"{text[:80]!r} is no moment: a position, a time (2026-11-21T09:30:00Z), or a token")


async def position_at(events: EventStore, micros: int) -> int:
    """The position of the last event recorded at or before that time (microseconds since 1970); 0 when there is none.

    A time behind the last event is the head. It takes about as many reads of one event as the head's position has
    binary digits, as `recorded_at` never goes backwards along positions.
    """
    last = await _last(events, (await events.mark()).position)
    if last is None or last.recorded_at <= micros:
        return 0 if last is None else last.position
    known, beyond = 0, last.position
    found = 0
    while known + 1 < beyond:
        middle = (known + beyond) // 2
        event = await _last(events, middle)
        if event is None or event.position <= known:
            known = middle  # positions may have gaps
        elif event.recorded_at <= micros:
            known, found = middle, event.position
        else:
            beyond = event.position
    return found


async def _last(events: EventStore, position: int) -> RecordedEvent | None:
    """The last event at or before *position*."""
    below = position + 1
    while below > 1:
        page = await events.read_log(below, limit=1, backwards=True)
        if page.events or page.at_head:
            return page.events[0] if page.events else None
        below = page.reached
    return None


async def version_at(events: EventStore, stream: str, position: int) -> int:
    """The version that *stream* had at that position of the log; 0 when it was empty.

    It takes about as many reads of one event as the stream's version has binary digits.
    """
    last = await events.read_stream(stream, limit=1, backwards=True)
    if not last or last[0].position <= position:
        return last[0].version if last else 0
    known, beyond = 0, last[0].version
    while known + 1 < beyond:
        middle = (known + beyond) // 2
        (event,) = await events.read_stream(stream, after=middle - 1, up_to=middle, limit=1)
        known, beyond = (middle, beyond) if event.position <= position else (known, middle)
    return known
