"""What the rest of a process sees of whoever runs a view in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twofold.read.freshness import Tracked
from twofold.read.status import ProjectorStatus
from twofold.read.view_store import Generation, Key


class Runner(Protocol):
    """Runs a view, or a raw projector."""

    name: str

    async def open(self) -> None:
        """Find its rows, and compare them with this code and this log."""

    async def step(self) -> int:
        """Fold at most a page for each shard that this process has; returns how many events that were.

        Raises UnavailableError when a store did not answer.
        """

    async def look(self) -> None:
        """Find out how far other processes have brought it."""

    def status(self) -> ProjectorStatus:
        """Where it is, and why it is not further."""

    def touched(self, key: Key | None = None) -> Sequence[Tracked]:
        """The shards that the row with this stored *key*, or any row, can be in; none before it was opened."""

    def answers_from(self) -> Generation | None:
        """The generation that this code has to read; None: the live one. Raises NotFreshError while there is none."""

    @property
    def awaits(self) -> int | None:
        """The position behind which news is to be waited for; None while nothing is folded here."""
