"""What a caller gets back for a command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import encode_token
from twofold.event_store.write import Appended, StreamWrite
from twofold.messages.metadata import id_text


class EventReceipt(NamedTuple):
    """One stored event: its type, its version in the stream, its position in the log."""

    type: str
    version: int
    position: int


class StreamReceipt(NamedTuple):
    """One stream that was written, and its version afterwards."""

    stream: str
    version: int


class Receipt:
    """What came of an accepted command, durably.

    `replayed` is True when the command had been handled before and this is the first answer again.
    """

    __slots__ = ("_appended", "_epoch", "_message_id", "_parts", "replayed")

    def __init__(
        self,
        parts: tuple[StreamWrite, ...],
        appended: Appended,
        epoch: str,
        message_id: bytes,
        *,
        replayed: bool = False,
    ) -> None:
        """What was written, and where it stands; all else is worked out when it is asked for."""
        self._parts = parts
        self._appended = appended
        self._epoch = epoch
        self._message_id = message_id
        self.replayed = replayed

    @property
    def writes(self) -> tuple[StreamReceipt, ...]:
        """The stream that was decided on; of several, those that got events."""
        if len(self._parts) == 1:
            return (StreamReceipt(self._parts[0].stream, self._appended.versions[0]),)
        return tuple(StreamReceipt(part.stream, now) for part, now in self._with_versions() if part.events)

    @property
    def stream(self) -> str | None:
        """The one stream of `writes`, or None when there are several or none."""
        writes = self.writes
        return writes[0].stream if len(writes) == 1 else None

    @property
    def version(self) -> int | None:
        """That stream's version afterwards, or None."""
        writes = self.writes
        return writes[0].version if len(writes) == 1 else None

    @property
    def position(self) -> int:
        """The position of the last event, or the log's head when there was none."""
        return self._appended.position

    @property
    def first(self) -> int:
        """The position of the first event; behind `position` when there was none."""
        return self._appended.first or self._appended.position + 1

    @property
    def events(self) -> tuple[EventReceipt, ...]:
        """The stored events, in order; they stand one after another in the log."""
        receipts: list[EventReceipt] = []
        for part, now in self._with_versions():
            version, position = now - len(part.events), self._appended.first + len(receipts) - 1
            receipts += [EventReceipt(each.type, version + n, position + n) for n, each in enumerate(part.events, 1)]
        return tuple(receipts)

    @property
    def token(self) -> str:
        """Says "the log, up to here"; give it to a query as `after=` to read this write."""
        return encode_token(Mark(self._epoch, self._appended.position, self._appended.check))

    @property
    def message_id(self) -> str:
        """The command's id, as text."""
        return id_text(self._message_id)

    def _with_versions(self) -> Iterator[tuple[StreamWrite, int]]:
        return zip(self._parts, self._appended.versions, strict=True)

    def __repr__(self) -> str:
        names = ", ".join(event.type for event in self.events)
        return f"Receipt({', '.join(f'{w.stream}@{w.version}' for w in self.writes)}; {names or 'no events'})"

    def __eq__(self, other: object) -> bool:
        """Two receipts are equal when they are of the same command."""
        return isinstance(other, Receipt) and (self._message_id, self.token) == (other._message_id, other.token)

    def __hash__(self) -> int:
        return hash(self._message_id)
