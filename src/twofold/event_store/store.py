"""The port to the log. The docstrings are the contract; `twofold.testing.contracts` tests each sentence."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

import msgspec

from twofold.event_store.bulk import Bulk
from twofold.event_store.leases import Leases
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import LogPage, Mark, RecordedEvent
from twofold.event_store.write import Write, WriteResult

PAGE_BYTES = 4 * 1024 * 1024


class LogFilter(msgspec.Struct, frozen=True, gc=False):
    """Which events of the log are wanted; None means all. Done by the store, in SQL where it has SQL.

    `slices` is a half-open range of stream slices (`slice_of`).
    """

    types: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    slices: tuple[int, int] | None = None


EVERYTHING = LogFilter()


class EventStore(Protocol):
    """The log: every event that ever happened, in streams and in one global order that never changes.

    No reader ever sees a position and later finds a smaller one that it had not seen. The versions of a
    stream are 1, 2, 3, ... in the order of their positions. Stored events are never changed: the store itself
    refuses UPDATE and DELETE. `epoch` names this log; it was made when the store was created.
    """

    epoch: str

    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Store a batch in one transaction and return one result for each write, in order.

        The writes have independent outcomes: one that conflicts leaves the others be. Within one write all
        streams are written or none. When this returns, what was `Appended` survives a crash of the machine.
        A write conflicts when one of its streams is not at the expected version, or when a write that it
        `builds_on` was not appended (Conflicted or Replayed). A write whose outcome carries a key that was used
        before in the same scope is `Replayed` and stores nothing, whatever else is wrong with it; so is one whose
        message id has an outcome already. Within a batch the first of two such writes wins, if it is appended.
        An outcome is stored with its write, also when the write has no events. Positions increase within the batch
        in the order of the writes, and within a write in the order of its streams. `recorded_at` is the store's
        clock and never goes backwards along positions: where the clock, or the time an import brings, is earlier
        than the last one, the last one is used.

        Raises MisuseError, with nothing of the batch stored, as `check_batch` does; StoreUnavailableError when nothing
        of the batch was stored or the outcome is unknown: offering the same writes again is safe when they carry
        outcomes.
        """

    async def read_stream(
        self, stream: str, *, after: int = 0, up_to: int | None = None, limit: int = 1000, backwards: bool = False
    ) -> list[RecordedEvent]:
        """Events of one stream with versions in (after, up_to], at most *limit*, by rising version.

        Backwards: the same range by falling version. An unknown stream has no events.
        """

    async def read_log(
        self,
        after: int,
        *,
        where: LogFilter = EVERYTHING,
        limit: int = 1000,
        max_bytes: int = PAGE_BYTES,
        up_to: int | None = None,
        backwards: bool = False,
    ) -> LogPage:
        """Events with positions in (after, up_to] by rising position, those that match *where*.

        A page ends after *limit* events or when the data would pass *max_bytes* (bytes), but holds at
        least one event if one is there within the range it covered. Backwards: positions below *after* (0 means
        from the head) by falling position, and *up_to* has no meaning; `reached` is then the smallest position
        covered, 1 at the end.
        """

    async def mark(self, position: int | None = None) -> Mark:
        """The mark of the last event at or before *position*; of the head when None.

        With no such event it is at position 0, with a check of zeros.
        """

    async def wait(self, after: int, timeout: float) -> bool:
        """Return True as soon as the log's head is above *after*, False after *timeout* seconds.

        It may be woken late but is never wrong: a commit of another process is found by polling.
        """

    async def now(self) -> int:
        """What the store's clock says (microseconds since 1970): events appended now are recorded at it, or later."""


class Outcomes(Protocol):
    """The log of commands, and the record that makes them idempotent."""

    async def by_key(self, scope: str, key: str) -> RecordedOutcome | None:
        """The outcome that *key* has in *scope*, or None."""

    async def by_id(self, message_id: bytes) -> RecordedOutcome | None:
        """The outcome of the command with this 16-byte id, or None."""

    async def recent(
        self, *, before: int | None = None, limit: int = 100, status: int | None = None, command: str | None = None
    ) -> list[RecordedOutcome]:
        """At most *limit* outcomes with numbers below *before*, newest first, filtered by status and command."""

    async def expire(self, recorded_before: int, limit: int) -> int:
        """Forget at most *limit* outcomes recorded before that time (microseconds), oldest first; returns how many.

        A forgotten key or message id is as good as new. Events stay.
        """


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A folded state of a stream at `version`, made by code with this `fingerprint`. `data` is JSON."""

    stream: str
    version: int
    fingerprint: str
    data: bytes


class Snapshots(Protocol):
    """Folded states, kept so that long streams load fast. Losing all of them loses nothing."""

    async def load(self, stream: str, fingerprint: str, up_to: int | None = None) -> Snapshot | None:
        """The newest snapshot of *stream* at or below version *up_to* made with *fingerprint*, or None."""

    async def save(self, snapshot: Snapshot) -> None:
        """Keep *snapshot*, in place of one of the same version and fingerprint.

        Snapshots of other fingerprints and older ones of the same may be dropped.
        """


class QueuedCommand(msgspec.Struct, frozen=True, gc=False):
    """A command that waits for a worker. `number` is its place in the queue; `data` and `context` are JSON."""

    number: int
    message_id: bytes
    command: str
    data: bytes
    context: bytes
    queued_at: int


class Backlog(NamedTuple):
    """How many commands wait, and since when (microseconds since 1970) the first of them does; None when none does."""

    commands: int
    oldest: int | None


class CommandQueue(Protocol):
    """Commands that were taken on durably and are handled later, in order."""

    async def put(self, message_id: bytes, command: str, data: bytes, context: bytes) -> None:
        """Queue a command; it survives a crash of the machine once this returns. A message id queues once."""

    async def waiting(self, after: int = 0, limit: int = 100) -> list[QueuedCommand]:
        """The first *limit* commands behind number *after*, in order."""

    async def get(self, message_id: bytes) -> QueuedCommand | None:
        """The queued command with this id, or None."""

    async def remove(self, number: int) -> None:
        """Take a command out, once its outcome is on record; unknown numbers are ignored."""

    async def backlog(self, up_to: int = 10_000) -> Backlog:
        """How many commands wait, counted no further than *up_to*, and since when the first in order does."""


class Transaction(Protocol):
    """A unit of work on the log's own database: the caller's changes, events and outcome commit together."""

    connection: Any

    async def append(self, write: Write) -> WriteResult:
        """Add *write* to the transaction; its result holds once the transaction has committed.

        A later write of the same transaction sees what an earlier one appended. A conflict or a replay stores
        nothing and leaves the transaction usable.
        """


class Transactions(Protocol):
    """Opens units of work. Only stores with SQL have it."""

    def begin(self, timeout: float) -> AbstractAsyncContextManager[Transaction]:
        """A transaction of one's own. Leaving normally commits, durably; an exception rolls everything back.

        Once it has appended, every other writer waits until it ends. A store with only one writer (a declared
        difference: `concurrent_units`) lets others wait from the beginning.
        Raises StoreUnavailableError when a connection, or the only writer, could not be had within *timeout* seconds.
        """


class Log(Protocol):
    """An open store: its ports, and its end."""

    events: EventStore
    outcomes: Outcomes
    snapshots: Snapshots
    queue: CommandQueue
    leases: Leases
    bulk: Bulk
    transactions: Transactions | None

    async def renew_epoch(self) -> str:
        """Give the log a new epoch, durably, and return it: after a restore, what was made on the lost part ends.

        Marks of the old epoch are not this log's any more; the events stay as they are.
        """

    async def close(self) -> None:
        """Finish what is being written, then let go of every file and connection. Repeating it does nothing.

        Afterwards every other call raises ClosedError; a `wait` that is under way ends.
        """
