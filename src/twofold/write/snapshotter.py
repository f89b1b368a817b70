"""Keeps snapshots of long streams, off the command's path."""

from __future__ import annotations

from twofold.event_store.stream import category_of
from twofold.write.aggregate import AggregateDefinition
from twofold.write.repository import Repository


class Snapshotter:
    """Holds the streams that have passed a multiple of their snapshot interval; `step()` takes one snapshot."""

    def __init__(self, repository: Repository, definitions: dict[str, AggregateDefinition], every: int) -> None:
        self._repository = repository
        self._definitions = definitions
        self._every = {name: every if d.snapshot_every is None else d.snapshot_every for name, d in definitions.items()}
        self._due: dict[str, None] = {}

    def interval(self, category: str) -> int:
        """Events between two snapshots of a stream of *category*; 0 means none are made."""
        return self._every.get(category, 0)

    def grown(self, stream: str, version: int, events: int) -> None:
        """*stream* has got *events* after *version*: note it when that passed a multiple of its interval."""
        every = self.interval(category_of(stream))
        if every and version // every < (version + events) // every:
            self.note(stream)

    def note(self, stream: str) -> None:
        """*stream* has passed a multiple of its interval."""
        self._due[stream] = None

    async def step(self) -> int:
        """Take one snapshot that is due; returns how many were taken (0 or 1)."""
        if not self._due:
            return 0
        stream = next(iter(self._due))
        del self._due[stream]
        await self._repository.snapshot(self._definitions[category_of(stream)], stream)
        return 1
