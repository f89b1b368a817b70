"""The escape hatch: a projector that does what it likes with a store's own client; its checkpoint is kept by us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from twofold.errors import LeaseLostError, UnavailableError
from twofold.event_store.recorded_event import Mark, RecordedEvent
from twofold.event_store.store import LogFilter
from twofold.messages.declaration import declaration
from twofold.read.batch import EventFailedError, Events, unsound
from twofold.read.follower import DEFAULT_PAGING, Follower, Paging, Part
from twofold.read.shards import Claims, Shards, alone
from twofold.read.source import Source
from twofold.read.view_store import Checkpoint, ClientTransactions, ViewStore, ViewTable


class Projected(NamedTuple):
    """An event as a projector gets it. `recorded_at` is microseconds since 1970."""

    event: Any
    stream: str
    version: int
    position: int
    recorded_at: int


class Projector:
    """Subclass it, say which `events` it reads, and write `project`. `name` is the class name unless it is set.

    Where the view store hands out its own client (`ClientTransactions`; SQLite and PostgreSQL do), `project` runs
    inside the transaction that moves the checkpoint: what it does through the client happens exactly once. Elsewhere
    the client is None and a batch may come again after a crash: compare positions.
    """

    name: ClassVar[str] = ""
    events: ClassVar[Sequence[type]] = ()

    async def project(self, events: Sequence[Projected], client: Any) -> None:
        """Do what *events* ask for, in order. An exception leaves the checkpoint where it was."""
        raise NotImplementedError


def projector_name(projector: Projector) -> str:
    """The name its checkpoint is kept under."""
    return projector.name or type(projector).__name__


def projector_table(projector: Projector) -> ViewTable:
    """What its checkpoint is kept with: a table without columns."""
    return ViewTable(projector_name(projector), (), (), (), "raw")


def projector_faults(projector: Projector) -> list[str]:
    """What is wrong with a projector, as sentences."""
    name = projector_name(projector)
    faults = [] if projector.events else [f"projector {name} names no events it reads (events = [...])"]
    if type(projector).project is Projector.project:
        faults.append(f"projector {name} has no `async def project(self, events, client)`")
    return faults


class ProjectorRunner(Shards):
    """Runs one raw projector, which has one shard; see `Follower` for what stops it.

    Args:
        projector: the user's object.
        source: the log.
        events: decodes its events.
        store: where the checkpoint lives.
        claims: where this process's claim to the lease comes from; nobody disputes it unless given.
        paging: how much one step reads.
    """

    def __init__(
        self,
        projector: Projector,
        source: Source,
        events: Events,
        store: ViewStore,
        *,
        claims: Claims = alone,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        table = projector_table(projector)

        def follower(part: Part) -> Follower:
            return RawFollower(table, projector, source, events, store, part, paging=paging)

        super().__init__(table, source, store, follower, claims=claims)


class RawFollower(Follower):
    """Hands events to a raw projector."""

    def __init__(
        self,
        table: ViewTable,
        projector: Projector,
        source: Source,
        events: Events,
        store: ViewStore,
        part: Part,
        *,
        paging: Paging,
    ) -> None:
        names = frozenset(declaration(event).name for event in projector.events)
        super().__init__(table, LogFilter(types=names), source, store, part, paging)
        self._projector = projector
        self._decoder: Callable[[str, int], Callable[[bytes], Any]] = events.decoder

    async def keep(self, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint) -> None:
        """Hand *events* to the projector and move the checkpoint, in one transaction where the store can."""
        generation, shard = self.generation, self.shard.number
        projected = list(self._decoded(events))
        try:
            if isinstance(self._store, ClientTransactions):
                async with self._store.transaction(generation, shard, expected, reached) as client:
                    await self._project(projected, client)
            else:
                await self._project(projected, None)
                await self._store.save(generation, shard, (), expected, reached)
        except (LeaseLostError, UnavailableError):
            raise
        except Exception as error:
            raise unsound(events, error) from error

    async def _project(self, projected: Sequence[Projected], client: Any) -> None:
        if projected:
            await self._projector.project(projected, client)

    def _decoded(self, events: Sequence[RecordedEvent]) -> Iterator[Projected]:
        for one in events:
            try:
                event = self._decoder(one.type, one.schema_version)(one.data)
            except Exception as error:
                raise EventFailedError(one, error) from error
            yield Projected(event, one.stream, one.version, one.position, one.recorded_at)
