"""Every key of a view, a batch at a time: those of the rows that are there, and those that events name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from twofold.event_store.recorded_event import RecordedEvent
from twofold.read.batch import Events, place_of, words_of
from twofold.read.lookups import Sheets, TooManyHeldError
from twofold.read.past import Past
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Generation, Key, Search, ViewStore

Keys = AsyncGenerator[list[Key], None]


async def keys_of_rows(
    store: ViewStore, definition: ViewDefinition[Any], generation: Generation, start: Key | None, limit: int
) -> Keys:
    """The keys of all rows of *generation*, *limit* at a time: those behind *start*, then those up to it.

    Rows that come and go meanwhile may be missed or met twice.
    """
    after, is_second = start, start is None
    columns = tuple([definition.columns[name] for name in definition.table.key])
    table = definition.table._replace(columns=columns, indexes=())
    while True:
        found = await store.find(table, Search(limit=limit, after=after), generation)
        keys = [definition.key_of(row.values) for row in found.rows]
        inside = keys if not is_second or start is None else [key for key in keys if key <= start]
        if inside:
            yield inside
        if len(inside) == limit:
            after = keys[-1]
        elif is_second:
            return
        else:
            after, is_second = None, True


async def keys_of_log(past: Past, definition: ViewDefinition[Any], start: int, head: int, keys: EventKeys) -> Keys:
    """The keys that the events up to *head* name, a page of events at a time: those behind *start* first."""
    for after, up_to in ((start, head), (0, start)):
        async for events in past.of_log(definition, after, up_to):
            yield keys.of(events)


class EventKeys:
    """Tells which rows events touch. One that cannot be read, or names no key, touches none; `fault` is the first.

    Where rows are looked up it has to be asked about all events of the log, in order.
    """

    def __init__(self, definition: ViewDefinition[Any], reader: Events) -> None:
        self.fault: str | None = None
        self._definition, self._reader = definition, reader
        self._decoders: dict[tuple[str, int], Callable[[bytes], Any]] = {}
        routes = [route for routes in definition.routes.values() for route in routes]
        self._lookups = Sheets.whole(definition) if definition.lookups else None
        self._is_the_stream = len(definition.table.key) == 1 and all(route.stream_part == 0 for route in routes)

    def of(self, events: Sequence[RecordedEvent]) -> list[Key]:
        """The stored keys of the rows that *events* touch, each once."""
        found: dict[Key, None] = {}
        streams: set[str] = set()
        for recorded in events:
            if recorded.stream in streams:
                continue
            try:
                keys = self._of(recorded)
            except TooManyHeldError:
                self._lookups = None  # rows that are missing are looked for among those that events name themselves
                continue
            except Exception as error:  # noqa: BLE001 - a user's code; who asks is told of it
                self.fault = self.fault or f"{place_of(recorded)}: {words_of(error)}"
                continue
            found.update(dict.fromkeys(keys))
            if keys and self._is_the_stream:
                streams.add(recorded.stream)
        return list(found)

    def _of(self, recorded: RecordedEvent) -> list[Key]:
        kind = recorded.type, recorded.schema_version
        decode = self._decoders.get(kind)
        if decode is None:
            decode = self._decoders[kind] = self._reader.decoder(*kind)
        event = decode(recorded.data)
        stored_key, keys = self._definition.stored_key, []
        for route in self._definition.routes.get(type(event), ()):
            keys += [stored_key(key) for key in route.keys_of(event, recorded.stream)]
        if self._lookups is not None:
            keys += self._lookups.take(event, recorded.stream, recorded.position) or ()
        return keys
