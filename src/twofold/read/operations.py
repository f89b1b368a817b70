"""What operators do to views: build again, compare, promote, roll back, drop, pause. Any process may; all see it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import NamedTuple

from twofold.errors import ConflictError, GenerationError, LeaseLostError, MisuseError, UnknownNameError
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.comparison import Comparison, compare
from twofold.read.generations import FROM_POSITION, Generations, Kept, Status
from twofold.read.sight import BY_HAND, ROLLED_BACK, Sight
from twofold.read.source import Source
from twofold.read.view_store import Checkpoint, Generation, ViewStore, ViewTable

_AGAIN = 0.02


class Operated(NamedTuple):
    """A view that can be operated: its table, and over how many shards a new generation is spread."""

    table: ViewTable
    shards: int


class ViewOperations:
    """Operates the views of an app. What is begun here is folded by whichever processes run this code.

    Every method raises UnknownNameError for a view that the app has not, and UnavailableError when a store does not
    answer.

    Args:
        views: by name.
        source: the log.
        store: where their generations are.
    """

    def __init__(self, views: Mapping[str, Operated], source: Source, store: ViewStore) -> None:
        self._views, self._source, self._store = views, source, store

    async def sight(self, view: str) -> Sight:
        """The generations of *view*, as this code sees them."""
        table, store = self._known(view).table, self._generations
        return Sight(table, self._source.epoch, tuple(await store.generations(view)), view in await store.paused())

    async def rebuild(self, view: str, *, start: int = 0, promote: bool = True) -> Generation:
        """Begin a generation by this code beside the live one; the one that is being built already, if there is one.

        One that had failed goes on where it stopped.

        Args:
            view: its name.
            start: the position after which events are folded; what was before is as if it had never been.
            promote: whether it may take over by itself once it has caught up.

        Raises:
            MisuseError: *start* is not in the log, or one is being built already from another place.
            GenerationError: a process began it at once, from the log's beginning.
        """
        sight, known = await self.sight(view), self._known(view)
        begun = next((e for e in reversed(sight.own) if e.generation.status in (Status.BUILDING, Status.FAILED)), None)
        if begun is not None:
            return await self._go_on(begun, start, promote=promote)
        mark = await self._source.mark(start)
        if mark.position != start:
            raise MisuseError(f"there is no event at position {start}; the log has reached {mark.position}")
        table = sight.again() if sight.own else known.table
        made = await self._generations.build(table, self._source.epoch, known.shards)
        if start:
            await self._begin_at(made, mark)
        if start or not promote:
            await self._say_who_promotes(made, f"{FROM_POSITION}{start}" if start else "", promote=promote)
        return made

    async def _go_on(self, begun: Kept, start: int, *, promote: bool) -> Generation:
        generation = begun.generation
        if start:
            raise MisuseError(
                f"generation {generation.number} of {generation.view} is being built already; drop it to begin anew"
            )
        place = begun.why.split(";")[0] if begun.why.startswith(FROM_POSITION) else ""
        await self._say_who_promotes(generation, place, promote=promote)
        return generation

    async def _say_who_promotes(self, generation: Generation, place: str, *, promote: bool) -> None:
        why = "; ".join(filter(None, (place, "" if promote else BY_HAND)))
        await self._generations.label(generation, Status.BUILDING, why)

    async def _begin_at(self, made: Generation, mark: Mark) -> None:
        """Move every shard to *mark* before anybody folds; whoever has begun keeps it from that."""
        start = Mark(made.epoch, 0, NO_CHECK)
        try:
            for shard in range(made.shards):
                fence = (await self._store.checkpoint(made, shard)).fence
                await self._store.save(made, shard, (), start, Checkpoint(mark, fence))
        except LeaseLostError:
            await self._generations.drop(made)
            remedy = f"try again, or `twofold view pause {made.view}` meanwhile"
            raise GenerationError(f"a process began generation {made.number} at the log's beginning", remedy) from None

    async def compare(self, view: str, number: int | None = None, limit: int | None = 1000) -> Comparison:
        """Compare the generation *number* (the newest that is not live) with the live one; see `compare`.

        Raises GenerationError when there is nothing to compare it with, or keys differ.
        """
        sight = await self.sight(view)
        return await compare(self._store, sight.table, _live(sight), _other(sight, number), limit)

    async def promote(self, view: str, number: int | None = None, *, wait: float = 0.0) -> Kept:
        """Make *number*, or the newest that is not live, the live one; returns what it is.

        While events come in, each of the two is ahead in turn: for *wait* seconds it is tried again. Raises
        GenerationError when it is behind the live one even then, has failed, or is not kept.
        """
        until = monotonic() + wait
        while True:
            sight = await self.sight(view)
            wanted = _promotable(sight, number)
            try:
                await self._generations.promote(wanted.generation, behind=sight.is_other_log)
            except ConflictError as error:
                if monotonic() >= until:
                    remedy = f"`twofold view status {view}` shows how far it is; a process with its code has to fold it"
                    raise GenerationError(str(error), remedy) from None
            else:
                return wanted
            await asyncio.sleep(_AGAIN)

    async def rollback(self, view: str, number: int | None = None) -> Kept:
        """Make *number*, or the one that was live last, the live one again, however far behind it is.

        The one that is taken back does not take over again by itself. Raises GenerationError when none is kept.
        """
        sight = await self.sight(view)
        retired = [each for each in sight.kept if each.generation.status == Status.RETIRED]
        if number is not None:
            retired = [each for each in retired if each.generation.number == number]
        if not retired:
            which = "no generation" if number is None else f"no generation {number}"
            raise ConflictError(
                f"{which} of {view} was live before and is kept; `twofold view status {view}` lists them"
            )
        back = max(retired, key=lambda each: each.changed_at)
        await self._generations.promote(back.generation, behind=True, why=ROLLED_BACK)
        return back

    async def drop(self, view: str, number: int) -> None:
        """Forget a generation and its rows. Raises GenerationError for one that is live or not kept."""
        sight = await self.sight(view)
        kept = _numbered(sight, number)
        if kept.generation.status == Status.LIVE:
            raise GenerationError(
                f"generation {number} of {view} is live", f"promote another one first; {_listed(view)}"
            )
        await self._generations.drop(kept.generation)

    async def pause(self, view: str, *, paused: bool) -> None:
        """Stop folding *view* in every process, or go on."""
        self._known(view)
        await self._generations.pause(view, paused=paused)

    def _known(self, view: str) -> Operated:
        found = self._views.get(view)
        if found is None:
            raise UnknownNameError("view", view, tuple(self._views))
        return found

    @property
    def _generations(self) -> Generations:
        if not isinstance(self._store, Generations):
            raise MisuseError(f"{type(self._store).__name__} keeps one generation of a view")
        return self._store


def _live(sight: Sight) -> Kept:
    if sight.live is None:
        raise GenerationError(f"{sight.table.view} has no rows yet", "run the app first: `twofold run`")
    return sight.live


def _other(sight: Sight, number: int | None) -> Kept:
    """The generation *number*; the newest that is not live when None."""
    if number is not None:
        return _numbered(sight, number)
    found = next((each for each in reversed(sight.kept) if each.generation.status != Status.LIVE), None)
    if found is None:
        view = sight.table.view
        raise GenerationError(
            f"only the live generation of {view} is kept", f"`twofold view rebuild {view}` builds another"
        )
    return found


def _promotable(sight: Sight, number: int | None) -> Kept:
    found, view = _other(sight, number), sight.table.view
    if found.generation.status == Status.FAILED:
        remedy = f"correct the fold and `twofold view rebuild {view}`: it goes on with that event"
        raise GenerationError(f"generation {found.generation.number} of {view} has failed: {found.why}", remedy)
    return found


def _numbered(sight: Sight, number: int) -> Kept:
    found = next((each for each in sight.kept if each.generation.number == number), None)
    if found is None:
        known = ", ".join(str(each.generation.number) for each in sight.kept)
        view = sight.table.view
        raise GenerationError(f"generation {number} of {view} is not kept; there are: {known}", _listed(view))
    return found


def _listed(view: str) -> str:
    return f"`twofold view status {view}` lists its generations"
