"""The past of a row: folded afresh from the log, from those events only that can touch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

from twofold.errors import FoldError, TooManyEventsError, UnreadableError
from twofold.event_store.moment import version_at
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore, LogFilter
from twofold.read.batch import EventFailedError, Events, place_of, words_of
from twofold.read.columns import plain_type
from twofold.read.follower import DEFAULT_PAGING, Paging
from twofold.read.refold import Refold
from twofold.read.stream_merge import merged
from twofold.read.view import View, ViewDefinition
from twofold.read.view_store import Key, Kind

V = TypeVar("V", bound=View)
SCANS = 2
"""How many reads through the log go on at once; more wait, so that memory stays bounded."""

Pages = AsyncGenerator[Sequence[RecordedEvent], None]


class Home(NamedTuple):
    """Where the events of one type are: the categories of their streams, and the type whose text the streams' ids are
    (None when the same id may be written in several ways).
    """

    categories: tuple[str, ...]
    id_type: type | None


class Past:
    """Rows as of a position of the log, by today's folds.

    Where a part of the key is the stream's id, only the streams of that id are read; else all events of the view's
    types up to the position. Memory holds a page and one row.

    Args:
        events: the log.
        reader: decodes its events.
        homes: by event type; one that is not listed may be in any stream.
        paging: how much is read at a time.
        limit: how many events may be read for one row.
    """

    def __init__(
        self,
        events: EventStore,
        reader: Events,
        homes: Mapping[type, Home],
        *,
        paging: Paging = DEFAULT_PAGING,
        limit: int = 1_000_000,
    ) -> None:
        self._events, self.reader, self._homes = events, reader, homes
        self._paging, self._limit = paging, limit
        self._turn = asyncio.Semaphore(SCANS)

    async def row(self, definition: ViewDefinition[V], key: Key, position: int) -> V | None:
        """The row with this stored *key* as of *position*, or None.

        Raises TooManyEventsError, FoldError and UnreadableError.
        """
        asked = f"{definition.name} {', '.join(map(str, key))} as of position {position}"
        streams = self.streams(definition, key)
        if streams is not None:
            return await self._folded(definition, key, self._limited(streams, position, asked), asked)
        if position > self._limit:
            raise TooManyEventsError(asked, position, self._limit)
        async with self._turn:
            return await self._folded(definition, key, self.of_log(definition, 0, position), asked)

    async def _folded(self, definition: ViewDefinition[V], key: Key, pages: Pages, asked: str) -> V | None:
        refold = Refold(definition, (key,), self.reader)
        try:
            async with aclosing(pages):
                async for page in pages:
                    await refold.fold(page)
        except EventFailedError as failed:
            kind = UnreadableError if isinstance(failed.cause, UnreadableError) else FoldError
            raise kind(f"{asked}: {place_of(failed.event)}: {words_of(failed.cause)}") from failed.cause
        stored = refold.row(key)
        return None if stored is None else definition.row(stored.values)

    def streams(self, definition: ViewDefinition[Any], key: Key) -> list[str] | None:
        """The only streams whose events can touch that row; None when it can be any."""
        return streams_of(definition, self._homes, key)

    def has_streams(self, definition: ViewDefinition[Any]) -> bool:
        """Whether the rows of the view have such streams."""
        return _stream_parts(definition, self._homes) is not None

    def of_streams(self, streams: Sequence[str], position: int) -> Pages:
        """The events of *streams* up to *position*, by position, a page at a time."""
        return merged(self._events, streams, position)

    async def of_log(self, definition: ViewDefinition[Any], after: int, position: int) -> Pages:
        """The events that a view reads, from behind *after* up to *position*, a page at a time."""
        where = LogFilter(types=definition.event_names)
        while after < position:
            page = await self._events.read_log(
                after, where=where, limit=self._paging.events, max_bytes=self._paging.max_bytes, up_to=position
            )
            yield page.events
            after = position if page.at_head else page.reached

    async def _limited(self, streams: Sequence[str], position: int, asked: str) -> Pages:
        read = 0
        async with aclosing(self.of_streams(streams, position)) as pages:
            async for page in pages:
                read += len(page)
                if read > self._limit:
                    total = sum([await version_at(self._events, stream, position) for stream in streams])
                    raise TooManyEventsError(asked, total, self._limit)
                yield page


def streams_of(definition: ViewDefinition[Any], homes: Mapping[type, Home], key: Key) -> list[str] | None:
    """The only streams whose events can touch the row with this *key*; None when it can be any."""
    parts = _stream_parts(definition, homes)
    return None if parts is None else sorted({f"{category}-{key[part]}" for category, part in parts})


def _stream_parts(definition: ViewDefinition[Any], homes: Mapping[type, Home]) -> set[tuple[str, int]] | None:
    """In which categories the events of a row are, and which part of its key is the stream's id there."""
    found: set[tuple[str, int]] = set()
    columns = [definition.columns[name] for name in definition.table.key]
    for route in (route for routes in definition.routes.values() for route in routes):
        home = homes.get(route.event)
        if home is None or route.stream_part is None:
            return None
        kind = columns[route.stream_part].kind
        if kind is not Kind.TEXT and home.id_type is not plain_type(kind):
            return None
        found.update((category, route.stream_part) for category in home.categories)
    return found
