"""What a caller gets back for a command."""

from __future__ import annotations

from typing import Any, NamedTuple

from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import encode_token
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

    `stream` and `version` are None when it wrote to several streams or to none of its own; `writes` lists them.
    `replayed` is True when the command had been handled before and this is the first answer again.
    """

    __slots__ = ("_mark", "_message_id", "_types", "replayed", "writes")

    def __init__(
        self,
        writes: tuple[StreamReceipt, ...],
        types: tuple[tuple[str, int], ...],
        mark: Mark,
        message_id: bytes,
        *,
        replayed: bool = False,
    ) -> None:
        self.writes = writes
        self.replayed = replayed
        self._types = types
        self._mark = mark
        self._message_id = message_id

    @property
    def stream(self) -> str | None:
        """The one stream that was decided on, or None."""
        return self.writes[0].stream if len(self.writes) == 1 else None

    @property
    def version(self) -> int | None:
        """Its version afterwards, or None."""
        return self.writes[0].version if len(self.writes) == 1 else None

    @property
    def position(self) -> int:
        """The position of the last event, or the log's head when there was none."""
        return self._mark.position

    @property
    def events(self) -> tuple[EventReceipt, ...]:
        """The stored events, in order."""
        first = self._mark.position - len(self._types) + 1
        return tuple(EventReceipt(name, version, first + n) for n, (name, version) in enumerate(self._types))

    @property
    def token(self) -> str:
        """Says "the log, up to here"; give it to a query as `after=` to read this write."""
        return encode_token(self._mark)

    @property
    def message_id(self) -> str:
        """The command's id, as text."""
        return id_text(self._message_id)

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self._types)
        return f"Receipt({', '.join(f'{w.stream}@{w.version}' for w in self.writes)}; {names or 'no events'})"

    def __eq__(self, other: Any) -> bool:
        """Two receipts are equal when they are of the same command."""
        return isinstance(other, Receipt) and self._message_id == other._message_id and self._mark == other._mark

    def __hash__(self) -> int:
        return hash(self._message_id)
