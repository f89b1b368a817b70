"""Who runs a view: a follower for each of its shards, of which this process steps those whose lease it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from twofold.read.follower import Follower, Part
from twofold.read.progress import Progress
from twofold.read.source import Source
from twofold.read.spread import Shard, Spread
from twofold.read.status import ProjectorStatus, joined
from twofold.read.view_store import Generation, Key, ViewStore, ViewTable, built_by
from twofold.runtime.claim import Claim, uncontested

Claims = Callable[[str], Claim]
"""Gives this process's claim to the lease of that name."""


def alone(_name: str) -> Claim:
    """For whoever runs a view by itself: nobody disputes it."""
    return uncontested()


def lease_name(store: ViewStore, generation: Generation, shard: int) -> str:
    """What the lease of a shard is called."""
    return f"{store.identity}/{generation.view}/{generation.number}/{shard}"


class Shards:
    """Runs a view, or a raw projector, in this process. `step()` takes at most one page for each shard held here.

    Args:
        table: its name, fingerprint and rows.
        source: the log.
        store: where rows and checkpoints live.
        make: makes the follower of a part.
        spread: which row is in which shard.
        claims: where this process's claims come from.
        generation: the one to fold; the live one when None.
    """

    def __init__(
        self,
        table: ViewTable,
        source: Source,
        store: ViewStore,
        make: Callable[[Part], Follower],
        *,
        spread: Spread | None = None,
        claims: Claims = alone,
        generation: Generation | None = None,
    ) -> None:
        self.name = table.view
        self._generation = generation
        self.followers: Sequence[Follower] = ()
        self._table, self._source, self._store, self._make = table, source, store, make
        self._spread, self._claims = spread or Spread(), claims

    async def open(self) -> None:
        """Find the rows and compare them with this code and this log; `step` does it when nobody has."""
        if not self.followers:
            generation = self._generation or await self._live()
            shards = [Shard(number, generation.shards) for number in range(generation.shards)]
            self.followers = [self._make(Part(generation, shard, self._claim(generation, shard))) for shard in shards]
        for follower in self.followers:
            await follower.open()

    async def _live(self) -> Generation:
        return await self._store.open_generation(self._table, self._source.epoch, self._spread.shards)

    def _claim(self, generation: Generation, shard: Shard) -> Claim:
        """Who runs other code wants no lease: what it does not know it must not fold."""
        name = lease_name(self._store, generation, shard.number)
        return self._claims(name) if built_by(generation) == self._table.fingerprint else Claim(name)

    async def retry(self) -> None:
        """Let what is stopped try again, from its checkpoint."""
        await self.open()

    def let_go(self) -> None:
        """Nothing of it is to be folded here any more: want its leases no longer."""
        for follower in self.followers:
            follower.claim.let_go()

    async def look(self) -> None:
        """Find out how far other processes have brought it."""
        if not self.followers:
            await self.open()
        for follower in self.followers:
            await follower.look()

    async def step(self, at_most: int | None = None) -> int:
        """One step of every shard whose lease is held here, of *at_most* events if given; returns how many they had.

        Raises UnavailableError when a store did not answer for one of them; the others have made their step.
        """
        if not self.followers:
            await self.open()
        if len(self.followers) == 1:
            return await self.followers[0].step(at_most)
        steps = [follower.step(at_most) for follower in self.followers]
        results = await asyncio.gather(*steps, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result for result in results if isinstance(result, int))

    def status(self) -> ProjectorStatus:
        """Where the view is, and why it is not further."""
        if not self.followers:
            return ProjectorStatus(view=self.name, state="starting")
        found = [follower.status() for follower in self.followers]
        return found[0] if len(found) == 1 else joined(found)

    def touched(self, key: Key | None = None) -> Sequence[Follower]:
        """The followers of the shards that the row with this stored *key*, or any row, can be in.

        None at all before the view was opened.
        """
        if key is None or len(self.followers) < 2 or not self._is_ours():  # noqa: PLR2004 - several
            return self.followers
        return (self.followers[self._spread.shard_of(key, len(self.followers))],)

    def _is_ours(self) -> bool:
        """Whether rows are spread as this code would spread them."""
        return built_by(self.followers[0].generation) == self._table.fingerprint

    def answers_from(self) -> None:
        """The live generation, always."""

    @property
    def progress(self) -> Progress:
        """That of the shard which is least far. Only once the view was opened."""
        return min((follower.progress for follower in self.followers), key=lambda progress: progress.position)

    @property
    def awaits(self) -> int | None:
        """The position behind which news is to be waited for; None while no shard is run here."""
        running = [each.progress.position for each in self.followers if each.status().state == "running"]
        return min(running) if running else None
