"""The escape hatch: a projector that does what it likes with a store's own client; its checkpoint is kept by us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from twofold.read.view_store import ViewTable


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
