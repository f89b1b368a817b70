"""What a process does about the copies of a view: folds its own, follows the live one, lets a built one take over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from twofold.clock import Clock, SystemClock
from twofold.errors import ConflictError, LeaseLostError, NotFreshError
from twofold.read.comparison import compare
from twofold.read.freshness import Tracked
from twofold.read.generations import Generations, Kept, Status
from twofold.read.lot import stuck_of
from twofold.read.progress import Progress
from twofold.read.shards import Shards
from twofold.read.sight import Sight, outlived
from twofold.read.source import Source, fault_of_mark
from twofold.read.status import OTHER_CODE, RESTORED, ProjectorStatus
from twofold.read.view_store import Generation, Key, ParkingLot, ViewStore, ViewTable

SAMPLE = 1000
"""About how many rows of a new generation are compared before it takes over."""

BESIDE = 500
"""Most events that are folded into a new generation at a time while the live one has some too: it waits for them."""

_log = logging.getLogger("twofold.read")


class Policy(NamedTuple):
    """What happens by itself: whether changed code builds a generation, whether that takes over once it has caught up,
    how many replaced ones are kept, how fast one is built (events a second; None: as fast as it goes), and how many
    seconds there are between two looks at the generations.
    """

    rebuild: bool = True
    promote: bool = True
    keep: int = 2
    rate: float | None = None
    look_every: float = 1.0


BY_ITSELF = Policy()


def nobody(_generation: Generation) -> bool:
    """For whoever is alone: a generation of other code is folded by no process."""
    return True


class Watched:
    """A shard that other code folds: looked at, never folded here."""

    def __init__(self, generation: Generation, number: int, store: ViewStore, source: Source) -> None:
        self._source = source
        self.progress = Progress(generation.view)
        self.progress.generation = generation.number
        self._generation, self._number, self._store = generation, number, store

    async def look(self) -> None:
        """Find out how far it is. One that is not kept any more stays where it was."""
        try:
            mark = (await self._store.checkpoint(self._generation, self._number)).mark
            if isinstance(self._store, ParkingLot):
                parked = await self._store.parked_keys(self._generation, self._number)
                self.progress.parked = stuck_of(parked)
        except LeaseLostError:
            return
        if self.progress.mark is None and (fault := await fault_of_mark(self._source, mark)) is not None:
            self.progress.stop(f"{fault}; {RESTORED}")
            return
        self.progress.move(mark)


class Copies:
    """Runs a view in this process. `step()` takes at most one page for each shard of each generation folded here.

    A generation is folded only by code with its fingerprint. When the live one was built by other code, one is built
    beside it, which takes over once it has reached the head and the live one; until then the live one answers.

    Args:
        table: the view.
        source: the log.
        store: where its generations are.
        make: makes who folds a generation of this code.
        shards: over how many a new generation is spread.
        policy: what happens by itself.
        clock: measures pauses.
        is_orphan: whether no process folds a generation of other code any more.
    """

    def __init__(
        self,
        table: ViewTable,
        source: Source,
        store: ViewStore,
        make: Callable[[Generation], Shards],
        *,
        shards: int = 1,
        policy: Policy = BY_ITSELF,
        clock: Clock | None = None,
        is_orphan: Callable[[Generation], bool] = nobody,
    ) -> None:
        self.name = table.view
        self._table, self._source, self._make = table, source, make
        self._store, self._spread = store, shards
        self._policy, self._clock, self._is_orphan = policy, clock or SystemClock(), is_orphan
        self._look_at = 0.0
        self._sight: Sight | None = None
        self._folded: dict[tuple[int, bool], Shards] = {}
        self._watched: Sequence[Watched] = ()
        self._head: int | None = None
        self._compared: tuple[int, str] | None = None
        self._build_at = 0.0
        self._own: Kept | None = None
        self._answering: Shards | None = None
        self._complete: frozenset[int] = frozenset()
        self._seeing = asyncio.Lock()
        self._seen = 0

    # --- looking --------------------------------------------------------------------------

    async def open(self) -> None:
        """Find the generations; `step` does it when nobody has."""
        if self._sight is None:
            await self._see()
        for shards in self._folded.values():
            await shards.open()

    async def look(self) -> None:
        """Find out which generation is live now, and how far other processes have brought it."""
        seen = self._seen
        async with self._seeing:
            if self._seen < seen + 2:  # nobody has begun to look since
                await self._look()
        for tracked in self.touched():
            await tracked.look()

    async def _see(self) -> Sight:
        async with self._seeing:
            return await self._look()

    async def _look(self) -> Sight:
        sight = await self._found()
        self._sight = sight
        now = {(each.generation.number, each.generation.status == Status.LIVE): each for each in sight.folded}
        folded = {mine: self._folded.get(mine) or await self._opened(each) for mine, each in now.items()}
        numbers = {number for number, _ in folded}
        for mine, shards in self._folded.items():
            if mine[0] not in numbers:
                shards.let_go()
        self._folded = folded
        self._own = self._complete_own(sight)
        self._answering = self._folder_of((self._own or sight.live) if sight.unlike else sight.live)
        await self._watch(sight)
        self._seen += 1
        return sight

    def _folder_of(self, kept: Kept | None) -> Shards | None:
        """Who folds it here; None: other code, or nobody."""
        if kept is None:
            return None
        return self._folded.get((kept.generation.number, kept.generation.status == Status.LIVE))

    def _complete_own(self, sight: Sight) -> Kept | None:
        """The newest of this code's that is whole: it was live once, or has been as far as the live one."""
        live = sight.live
        whole = [
            each
            for each in sight.own
            if each.generation.status in (Status.LIVE, Status.RETIRED)
            or each.generation.number in self._complete
            or (live is not None and each.lowest.position >= live.lowest.position)
        ]
        self._complete = frozenset(each.generation.number for each in whole)
        return whole[-1] if whole else None

    async def _watch(self, sight: Sight) -> None:
        """Follow the live generation if other code folds it."""
        live = sight.live
        if live is None or sight.is_own(live.generation):
            self._watched = ()
        elif not self._watched or self._watched[0].progress.generation != live.generation.number:
            found = await self._store.open_generation(self._table, live.generation.epoch, live.generation.shards)
            self._watched = [Watched(found, number, self._store, self._source) for number in range(found.shards)]

    async def _opened(self, kept: Kept) -> Shards:
        """Who folds it from now on; the store is told how this code knows its rows."""
        generation = kept.generation
        as_built = self._table._replace(fingerprint=generation.fingerprint)
        if generation.status == Status.LIVE:
            await self._store.open_generation(as_built, generation.epoch, generation.shards)
        else:
            await self._generations.build(as_built, generation.epoch, generation.shards)
        return self._make(generation)

    async def _found(self) -> Sight:
        store, epoch = self._generations, self._source.epoch
        kept = await store.generations(self.name)
        if not any(each.generation.status == Status.LIVE for each in kept):
            await self._store.open_generation(self._table, epoch, self._spread)
            kept = await store.generations(self.name)
        return Sight(self._table, epoch, tuple(kept), self.name in await store.paused())

    @property
    def _generations(self) -> Generations:
        if not isinstance(self._store, Generations):
            raise TypeError(f"{type(self._store).__name__} keeps no generations")
        return self._store

    # --- folding --------------------------------------------------------------------------

    async def step(self) -> int:
        """One step of whatever is folded here; returns how many events that had.

        0 while the view is paused. Raises UnavailableError when a store did not answer.
        """
        sight, is_due = self._sight, self._clock.monotonic() >= self._look_at
        if sight is None or is_due:  # looks that readers ask for do not put this one off
            self._look_at = self._clock.monotonic() + self._policy.look_every
            sight = await self._begun(await self._see())
        if sight.is_paused:
            return 0
        moved = 0
        try:
            for kept in sight.folded:
                shards = self._folded.get((kept.generation.number, kept.generation.status == Status.LIVE))
                if shards is not None:  # whoever looked meanwhile may have seen something else
                    moved += await self._fold(kept, shards, BESIDE if moved else None)
        except LeaseLostError:  # it was dropped
            self._look_at = 0.0
        if is_due and self._policy.promote and sight.heir(self._is_orphan) is not None:
            moved += await self._take_over(await self._see())
        return moved

    async def _begun(self, sight: Sight) -> Sight:
        """Begin a generation of this code, if there is none; what is seen then."""
        if sight.own or sight.is_other_log or not self._policy.rebuild:
            return sight
        begun = await self._generations.build(self._table, sight.epoch, self._spread)
        said = "; ".join(sight.changes) or "there is none of this code"
        _log.warning("the view %s is built anew as generation %d: %s", self.name, begun.number, said)
        return await self._see()

    async def _fold(self, kept: Kept, shards: Shards, at_most: int | None) -> int:
        if kept.generation.status == Status.LIVE:
            return await shards.step()
        if self._policy.rate is not None and self._clock.monotonic() < self._build_at:
            return 0
        moved = await shards.step(at_most)
        if self._policy.rate is not None:
            self._build_at = self._clock.monotonic() + moved / self._policy.rate
        if moved and kept.generation.status == Status.BUILDING and shards.status().caught_up:
            self._look_at = 0.0
        await self._say_how_it_goes(kept, shards.status(), moved)
        return moved

    async def _say_how_it_goes(self, kept: Kept, status: ProjectorStatus, moved: int) -> None:
        """Others see that it failed, or goes on after all."""
        known, has_failed = kept.generation.status, status.state == "stopped"
        if known == Status.BUILDING and has_failed:
            await self._generations.label(kept.generation, Status.FAILED, status.error or "")
        elif known == Status.FAILED and moved and not has_failed:
            await self._generations.label(kept.generation, Status.BUILDING)
        else:
            return
        self._look_at = 0.0

    async def retry(self) -> None:
        """Let what is stopped try again, from its checkpoint."""
        for shards in self._folded.values():
            await shards.retry()

    # --- taking over ----------------------------------------------------------------------

    async def _take_over(self, sight: Sight) -> int:
        """Let the heir take over if it has reached the live one, and where the head is or was at the last look; 1 then.

        It is compared once before: that takes time, in which the live one goes on.
        """
        heir, live = sight.heir(self._is_orphan), sight.live
        if heir is None or live is None:
            return 0
        seen, self._head = self._head, (await self._source.mark()).position
        if heir.lowest.position < (self._head if seen is None else seen) or not self._leads(heir):
            return 0
        if self._compared is None or self._compared[0] != heir.generation.number:
            self._compared = heir.generation.number, await self._words(live, heir)
            self._look_at = 0.0
            return 1
        try:
            await self._generations.promote(heir.generation, behind=live.generation.epoch != sight.epoch)
        except ConflictError:  # the live one is further again
            return 0
        _log.warning(
            "generation %d of the view %s is live now; %s", heir.generation.number, self.name, self._compared[1]
        )
        for generation in outlived(await self._see(), self._policy.keep):
            if self._is_orphan(generation):  # who still folds it would build it again
                await self._generations.drop(generation)
        self._look_at, self._head, self._compared = 0.0, None, None
        return 1

    async def _words(self, live: Kept, heir: Kept) -> str:
        try:
            return str(await compare(self._store, self._table, live, heir, SAMPLE))
        except ConflictError as error:
            return str(error)

    def _leads(self, heir: Kept) -> bool:
        """Whether this process is the one of those that fold it which acts for it: the holder of its first shard."""
        shards = self._folded.get((heir.generation.number, False))
        return shards is not None and bool(shards.followers) and shards.followers[0].claim.fence is not None

    # --- answering ------------------------------------------------------------------------

    def answers_from(self) -> Generation | None:
        """The generation that this code has to read; None: the live one, whichever that is.

        Where the live rows lack what this code knows it reads its own, once that is whole.
        Raises NotFreshError until then.
        """
        sight = self._sight
        if sight is None or not sight.unlike or (live := sight.live) is None:
            return None
        if self._own is not None:
            return self._own.generation
        raise NotFreshError(
            self.name, max([each.lowest.position for each in sight.own], default=0), live.lowest.position,
            f"its live rows were built by other code ({'; '.join(sight.changes)}); {_what_is_done(sight)}",
        )  # fmt: skip

    def touched(self, key: Key | None = None) -> Sequence[Tracked]:
        """The shards of the generation that answers, in which the row with this stored *key*, or any, can be."""
        return self._watched if self._answering is None else self._answering.touched(key)

    @property
    def awaits(self) -> int | None:
        """The position behind which news is to be waited for; None while nothing is folded here."""
        waiting = [each.awaits for each in self._folded.values() if each.awaits is not None]
        return None if not waiting or (self._sight is not None and self._sight.is_paused) else min(waiting)

    def status(self) -> ProjectorStatus:
        """Where the view is, and why it is not further."""
        sight = self._sight
        if sight is None or sight.live is None:
            return ProjectorStatus(view=self.name, state="starting")
        shards = self._folded.get((sight.live.generation.number, True))
        if shards is not None:
            status = shards.status()
        elif sight.folded:
            status = self._building(sight)
        else:
            status = self._left_alone(sight)
        return replace(status, state="paused") if sight.is_paused and status.error is None else status

    def _building(self, sight: Sight) -> ProjectorStatus:
        shards = self._folded.get((sight.folded[-1].generation.number, False))
        if shards is None:
            return ProjectorStatus(view=self.name, state="starting")
        status = shards.status()
        return status if status.state == "stopped" else replace(status, state="building", caught_up=False)

    def _left_alone(self, sight: Sight) -> ProjectorStatus:
        if self._policy.rebuild and not sight.is_other_log:
            return ProjectorStatus(view=self.name, state="starting", position=_position(sight.live))
        remedy = RESTORED if sight.is_other_log else OTHER_CODE.format(view=self.name)
        whose = "from another log" if sight.is_other_log else "by other code"
        error = f"its rows were built {whose}: {'; '.join(sight.changes)}"
        return ProjectorStatus(
            view=self.name, state="stopped", position=_position(sight.live), error=error, remedy=remedy
        )


def _what_is_done(sight: Sight) -> str:
    if not sight.folded:
        return OTHER_CODE.format(view=sight.table.view)
    return f"generation {sight.folded[-1].generation.number} is being built by this code"


def _position(kept: Kept | None) -> int:
    return 0 if kept is None else kept.lowest.position
