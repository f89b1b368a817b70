"""The past of a row: folded afresh from the log, from those events only that can touch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from twofold.errors import FoldError, TooManyEventsError, TwofoldError, UnreadableError
from twofold.event_store.moment import version_at
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore, LogFilter
from twofold.read.batch import EventFailedError, Events, Folder, UnsoundBatchError
from twofold.read.columns import plain_type
from twofold.read.follower import DEFAULT_PAGING, Paging
from twofold.read.stream_merge import merged
from twofold.read.view import KeysOf, Route, View, ViewDefinition
from twofold.read.view_store import Key, Kind, StoredRow

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
        self._events, self._reader, self._homes = events, reader, homes
        self._paging, self._limit = paging, limit
        self._turn = asyncio.Semaphore(SCANS)

    async def row(self, definition: ViewDefinition[V], key: Key, position: int) -> V | None:
        """The row with this stored *key* as of *position*, or None.

        Raises TooManyEventsError, FoldError and UnreadableError.
        """
        asked = f"{definition.name} {', '.join(map(str, key))} as of position {position}"
        streams = streams_of(definition, self._homes, key)
        if streams is not None:
            return await self._folded(definition, key, self._of_streams(streams, position, asked), asked)
        if position > self._limit:
            raise TooManyEventsError(asked, position, self._limit)
        async with self._turn:
            return await self._folded(definition, key, self._of_log(definition.event_names, position), asked)

    async def _folded(self, definition: ViewDefinition[V], key: Key, pages: Pages, asked: str) -> V | None:
        row = _Row(definition, key, self._reader)
        try:
            async with aclosing(pages):
                async for page in pages:
                    await row.fold(page)
        except EventFailedError as failed:
            event = failed.event
            place = f"{event.type} at position {event.position} (version {event.version} of {event.stream})"
            kind = UnreadableError if isinstance(failed.cause, UnreadableError) else FoldError
            raise kind(f"{asked}: {place}: {_words(failed.cause)}") from failed.cause
        except UnsoundBatchError as error:
            raise FoldError(f"{asked}: {error}") from error
        return row.value()

    async def _of_log(self, types: frozenset[str], position: int) -> Pages:
        after, at_head, where = 0, position == 0, LogFilter(types=types)
        while not at_head:
            page = await self._events.read_log(
                after, where=where, limit=self._paging.events, max_bytes=self._paging.max_bytes, up_to=position
            )
            yield page.events
            after, at_head = page.reached, page.at_head

    async def _of_streams(self, streams: Sequence[str], position: int, asked: str) -> Pages:
        read = 0
        async with aclosing(merged(self._events, streams, position)) as pages:
            async for page in pages:
                read += len(page)
                if read > self._limit:
                    total = sum([await version_at(self._events, stream, position) for stream in streams])
                    raise TooManyEventsError(asked, total, self._limit)
                yield page


def streams_of(definition: ViewDefinition[Any], homes: Mapping[type, Home], key: Key) -> list[str] | None:
    """The only streams whose events can touch the row with this *key*; None when it can be any."""
    found: set[str] = set()
    columns = [definition.columns[name] for name in definition.table.key]
    for route in (route for routes in definition.routes.values() for route in routes):
        home = homes.get(route.event)
        if home is None or route.stream_part is None:
            return None
        kind = columns[route.stream_part].kind
        if kind is not Kind.TEXT and home.id_type is not plain_type(kind):
            return None
        found.update(f"{category}-{key[route.stream_part]}" for category in home.categories)
    return sorted(found)


class _Row(Generic[V]):
    """The one row that is kept while pages are folded, between them as a store would keep it."""

    def __init__(self, definition: ViewDefinition[V], key: Key, reader: Events) -> None:
        self._definition = definition
        self._folder = Folder(_alone(definition, key), reader)
        self._stored: dict[Key, StoredRow] = {}
        self._key = key

    async def fold(self, events: Sequence[RecordedEvent]) -> None:
        """Fold those of *events* that touch the row."""
        for change in await self._folder.changes(events, 0, self._load):
            self._stored.clear()
            if change.values is not None:
                self._stored[self._key] = StoredRow(self._as_stored(change.values), change.position)

    async def _load(self, _: Sequence[Key]) -> dict[Key, StoredRow]:
        return self._stored

    def _as_stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        kept = dict(values)
        for column in self._definition.columns.values():
            value = kept[column.name]
            if value is not None and column.kind is Kind.JSON:
                kept[column.name] = msgspec.json.decode(msgspec.json.encode(value), type=column.type)
            elif isinstance(value, datetime):
                kept[column.name] = value.astimezone(UTC)
        return kept

    def value(self) -> V | None:
        """The row, or None."""
        stored = self._stored.get(self._key)
        return None if stored is None else self._definition.row(stored.values)


def _alone(definition: ViewDefinition[V], key: Key) -> ViewDefinition[V]:
    """*definition* as if there were no row but the one with *key*: the same folds, by the same code."""

    def only(route: Route) -> Route:
        return route._replace(keys_of=_only(route, key, definition), key_of=None)

    routes = {event: tuple(map(only, routes)) for event, routes in definition.routes.items()}
    return ViewDefinition(definition.view, definition.table, routes, event_names=definition.event_names)


def _only(route: Route, key: Key, definition: ViewDefinition[Any]) -> KeysOf:
    stored_key, key_of, keys_of = definition.stored_key, route.key_of, route.keys_of
    this: tuple[Key, ...] = (key,)

    def if_one_is(event: Any, stream: str) -> Sequence[Key]:
        return this if key in map(stored_key, keys_of(event, stream)) else ()

    if key_of is None:
        return if_one_is

    def if_it_is(event: Any, stream: str) -> Sequence[Key]:
        return this if stored_key(key_of(event, stream)) == key else ()

    return if_it_is


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, TwofoldError) else f"{type(error).__name__}: {error}"
