"""One batch on its way into the log: which writes stand, and the rows they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from twofold.adapters.postgres.outcome_rows import Known, outcome_row, recorded_outcome, replay_of
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import NO_CHECK, check_of
from twofold.event_store.stream import slice_of
from twofold.event_store.write import ANY_VERSION, Appended, Conflicted, Write, WriteResult
from twofold.messages.metadata import NO_ORIGIN

Rows = list[tuple[Any, ...]]
Column = tuple[Any, ...]


def _array(column: Column) -> Column | None:
    return None if column.count(None) == len(column) else column


def _numbers(column: Column) -> str | None:
    """An array as PostgreSQL writes it: the driver takes several times as long over an array's elements."""
    if column.count(None) == len(column):
        return None
    return "{" + str(list(column))[1:-1].replace("None", "NULL") + "}"


def _ids(column: Column) -> bytes:
    return b"".join(column)


# How the columns of a row travel, in the order of `append.sql`, which has the other end.
_EVENT = (_array, _numbers, _numbers, _array, _numbers, _array, _ids, _ids, _ids, _array, _numbers)
_OUTCOME = (
    _ids, _array, _numbers, _array, _numbers, _numbers, _numbers, _numbers, _ids, _array, _array, _array, _array,
    _array, _array, _array, _numbers,
)  # fmt: skip


class Head(NamedTuple):
    """Where the log ends, seen under the writers' lock; `floor` is the last event's time, `recorded` the present."""

    position: int
    check: bytes
    outcome: int
    floor: int
    recorded: int


class Placed(NamedTuple):
    """A write that stands: its events are the first to the last of the batch (from 1; first is 0 for none)."""

    first: int
    last: int
    versions: tuple[int, ...]
    last_id: bytes | None
    recorded_at: int | None

    def at(self, position: int, check: bytes, recorded: int) -> Appended:
        """The result, once it is known that the batch begins behind *position*, whose check is *check*."""
        return Appended(
            position + self.first if self.first else 0,
            position + self.last,
            self.versions,
            check if self.last_id is None else check_of(self.last_id),
            recorded if self.recorded_at is None else self.recorded_at,
        )


class Batch:
    """The rows of a batch. `presumed` are the versions at which streams have to be for it to be right."""

    def __init__(self) -> None:
        self.presumed: dict[str, int] = {}
        self.heads: dict[str, int] = {}
        self.events: Rows = []
        self.outcomes: Rows = []
        self._last_id: bytes | None = None

    def place(self, write: Write, recorded_at: int | None = None) -> Placed:
        """Add a write that stands, behind those that were added before."""
        before = len(self.events)
        versions = tuple([self._place_events(write, part, recorded_at) for part in write.streams])
        last = len(self.events)
        placed = Placed(before + 1 if last > before else 0, last, versions, self._last_id, recorded_at)
        if write.outcome is not None:
            self.outcomes.append(outcome_row(write.outcome, versions, last, last - before, recorded_at))
        return placed

    def _place_events(self, write: Write, part: Any, recorded_at: int | None) -> int:
        stream = part.stream
        version = self.heads[stream]
        if not part.events:
            return version
        number, add = slice_of(stream), self.events.append
        causation, correlation = write.causation_id, write.correlation_id
        origin = None if write.origin == NO_ORIGIN else write.origin
        for event in part.events:
            version += 1
            add((
                stream, version, number, event.type, event.schema_version, event.data, event.message_id, causation,
                correlation, origin, recorded_at,
            ))  # fmt: skip
        self._last_id = event.message_id
        self.heads[stream] = version
        return version

    def arguments(self) -> list[Any]:
        """What `append` takes, from the presumed streams on."""
        presumed = self.presumed
        return [
            list(presumed) or None,
            _numbers(tuple(presumed.values())),
            *_columns(self.events, _EVENT),
            *_columns(self.outcomes, _OUTCOME),
        ]


def _columns(rows: Rows, formats: Sequence[Callable[[Column], Any]]) -> list[Any]:
    """The rows by column; None for a column without values."""
    if not rows:
        return [None] * len(formats)
    return [travels(column) for travels, column in zip(formats, zip(*rows, strict=True), strict=True)]


def presume(writes: Sequence[Write]) -> tuple[Batch, list[Placed]] | None:
    """The batch if every stream is where its first write expects it; None when even then some write would fall.

    Known keys and message ids are left to the unique indexes.
    """
    batch = Batch()
    heads, presumed, placed = batch.heads, batch.presumed, []
    for write in writes:
        if write.recorded_at is not None:
            return None
        for part in write.streams:
            head = heads.get(part.stream)
            if head is None and part.expected != ANY_VERSION:
                heads[part.stream] = presumed[part.stream] = part.expected
            elif head is None or part.expected not in (head, ANY_VERSION):
                return None
        placed.append(batch.place(write))
    return batch, placed


def judge(
    writes: Sequence[Write], heads: Mapping[str, int], known: Known, head: Head
) -> tuple[Batch, list[WriteResult]]:
    """The batch of the writes that stand, and what becomes of each, by where streams really are and what is known."""
    batch = Batch()
    batch.heads.update(heads)
    results: list[WriteResult] = []
    floor, check = head.floor, head.check
    for write in writes:
        refused = replay_of(write, known) or _conflict(write, batch.heads, results)
        if refused is not None:
            results.append(refused)
            continue
        recorded_at = max(floor, head.recorded if write.recorded_at is None else write.recorded_at)
        placed = batch.place(write, recorded_at)
        floor = recorded_at if placed.first else floor
        appended = placed.at(head.position, check, recorded_at)
        results.append(appended)
        if write.outcome is not None:
            _learn(known, recorded_outcome(head.outcome + len(batch.outcomes), write.outcome, appended))
    return batch, results


def _learn(known: Known, recorded: RecordedOutcome) -> None:
    outcome = recorded.outcome
    known[outcome.message_id] = recorded
    if outcome.key is not None:
        known[outcome.scope, outcome.key] = recorded


def _conflict(write: Write, heads: Mapping[str, int], results: Sequence[WriteResult]) -> Conflicted | None:
    for part in write.streams:
        if part.expected not in (heads[part.stream], ANY_VERSION):
            return Conflicted(part.stream, part.expected, heads[part.stream])
    if all(isinstance(results[place], Appended) for place in write.builds_on):
        return None
    if not write.streams:
        return Conflicted("", 0, 0)
    part = write.streams[0]
    return Conflicted(part.stream, part.expected, heads[part.stream])


def head_of(row: Any) -> Head:
    """The head in a row of `lock_head`."""
    last = row["last_message_id"]
    check = NO_CHECK if last is None else check_of(last)
    return Head(row["head"], check, row["last_outcome"], row["floor"], row["recorded"])
