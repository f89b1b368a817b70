"""What is handed to the log, and what comes back for each write."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from twofold.errors import MisuseError
from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.recorded_event import NewEvent

ANY_VERSION = -1


class StreamWrite(msgspec.Struct, frozen=True, gc=False):
    """Events for one stream, which has to be at version `expected` (0: it must be empty; ANY_VERSION: no check).

    With no events it is only the check.
    """

    stream: str
    expected: int
    events: tuple[NewEvent, ...] = ()


class Write(msgspec.Struct, frozen=True, gc=False):
    """Zero or more streams that are written together or not at all, with the outcome record of the command.

    `builds_on` are places in the same batch of earlier writes whose events this one was decided on: if one of
    them fails, this one fails with it. `causation_id` and `correlation_id` (16 bytes) and `origin` (JSON) go
    with every event. `recorded_at` (microseconds) is only set by an import, which keeps the times it brings.
    """

    streams: tuple[StreamWrite, ...]
    outcome: Outcome | None
    causation_id: bytes
    correlation_id: bytes
    origin: bytes
    builds_on: tuple[int, ...] = ()
    recorded_at: int | None = None


class Appended(msgspec.Struct, frozen=True, gc=False):
    """The write is on disk. Its events stand at positions `first` to `position`, in the order they were given.

    `versions` are the streams' versions afterwards, in the order of `Write.streams`. With no events `first` is 0
    and `position` the log's head. `check` is the check value at `position`.
    """

    first: int
    position: int
    versions: tuple[int, ...]
    check: bytes
    recorded_at: int


class Conflicted(msgspec.Struct, frozen=True, gc=False):
    """Nothing of this write was stored: `stream` is at version `actual`.

    `stream` is the first that is not where it was expected. When all of them are, the write has lost one that it
    builds on: then it is the write's first stream, or empty if it has none.
    """

    stream: str
    expected: int
    actual: int


class Replayed(msgspec.Struct, frozen=True, gc=False):
    """Nothing of this write was stored: its key (or message id) had an outcome already, which is `first`."""

    first: RecordedOutcome


WriteResult = Appended | Conflicted | Replayed


def check_batch(writes: Sequence[Write]) -> None:
    """Raises MisuseError when a write names a stream twice, or builds on one that does not stand before it."""
    for place, write in enumerate(writes):
        streams = write.streams
        if len(streams) > 1 and len({part.stream for part in streams}) < len(streams):
            raise MisuseError(f"write {place} of the batch names a stream more than once")
        if write.builds_on and not 0 <= min(write.builds_on) <= max(write.builds_on) < place:
            raise MisuseError(f"write {place} of the batch builds on {write.builds_on}: only earlier writes can be")
