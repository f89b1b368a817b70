"""`events verify`: whether a log keeps its promises, looked at through its port alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from twofold.errors import UnreadableError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore

REMEMBERED = 100_000
Decode = Callable[[str, int, bytes], Any]


class LogCheck:
    """Looks at events in the order of the log and says what is wrong with each.

    Positions rise, recorded times do not fall, the versions of a stream are 1, 2, 3, ... and data can be decoded.
    The last versions of at most *remembered* streams are kept in memory; those of others are asked of the log.
    """

    def __init__(self, log: EventStore, decode: Decode | None, remembered: int = REMEMBERED) -> None:
        self.events = 0
        self._log = log
        self._decode = decode
        self._remembered = remembered
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._position = 0
        self._recorded_at = 0

    async def faults_of(self, event: RecordedEvent) -> AsyncIterator[str]:
        """Everything that is wrong with *event*, given those before it."""
        self.events += 1
        if event.position <= self._position:
            yield f"stands behind position {self._position}"
        if event.recorded_at < self._recorded_at:
            yield "was recorded before the event that stands before it"
        wrong = await self._version_fault(event)
        if wrong:
            yield wrong
        unreadable = self._data_fault(event)
        if unreadable:
            yield unreadable
        self._position = max(self._position, event.position)
        self._recorded_at = max(self._recorded_at, event.recorded_at)

    async def _version_fault(self, event: RecordedEvent) -> str | None:
        known = self._versions.get(event.stream)
        previous = await self._asked(event) if known is None else known
        self._versions[event.stream] = max(event.version, previous)
        self._versions.move_to_end(event.stream)
        if len(self._versions) > self._remembered:
            self._versions.popitem(last=False)
        return None if event.version == previous + 1 else f"has version {event.version} after version {previous}"

    async def _asked(self, event: RecordedEvent) -> int:
        """The version of the stream's last event before *event*, by the stream itself."""
        found = await self._log.read_stream(event.stream, up_to=event.version, limit=2, backwards=True)
        before = [each.version for each in found if each.position < event.position]
        return max(before, default=0)

    def _data_fault(self, event: RecordedEvent) -> str | None:
        try:
            if self._decode is None:
                msgspec.json.decode(event.data)
            else:
                self._decode(event.type, event.schema_version, event.data)
        except (UnreadableError, msgspec.DecodeError) as error:
            return f"cannot be decoded: {error}"
        return None
