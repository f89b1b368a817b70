"""Parked rows as operators see them: listed, tried again, let go without an event. Any process may ask.

Only whoever folds a shard moves what is parked there. What is asked for is written beside the row; the process that
holds the shard's lease does it with its next step, and nobody's lease is disputed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from twofold.clock import Clock
from twofold.errors import ConflictError, LeaseLostError, NotParkedError, UnknownNameError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.event_store.store import EventStore
from twofold.read.generations import Generations, Status
from twofold.read.lot import shown
from twofold.read.parking import DISCARD_ALL, DISCARD_ONE, DUE, Parked, Parking
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Generation, Key, ParkingLot, ViewStore

_Place = tuple[str, int, Key]
_TRIES = 100
_POLL = 0.05
_WISHES = {DUE: "retry", DISCARD_ONE: "discard", DISCARD_ALL: "discard all"}


class DeadLetter(NamedTuple):
    """A parked row of a view."""

    view: str
    key: Key
    parked: Parked
    generation: Generation

    @property
    def asked(self) -> str | None:
        """What somebody has asked for and nobody has done yet: "retry", "discard" or "discard all"; None: nothing."""
        return _WISHES.get(self.parked.failure.retry_at)

    @property
    def place(self) -> _Place:
        """What tells it from all others: view, shard and key."""
        return self.view, self.parked.shard, self.key

    @property
    def name(self) -> str:
        """The key as it is written on the command line."""
        return shown(self.key)


class Settled(Enum):
    """What has come of a wish."""

    LET_GO = "let go"
    STILL_PARKED = "still parked"
    ASKED = "asked"


class Outcome(NamedTuple):
    """What has come of a wish about a row; `now` is the row as it is parked, None when it is let go.

    A wish that is only asked is done as soon as a process folds the view.
    """

    settled: Settled
    before: DeadLetter
    now: DeadLetter | None


class DeadLetters:
    """The parked rows of an app's views.

    Args:
        views: by name.
        events: the log.
        store: where the rows are; one that parks none has none.
        clock: measures how long is waited.
    """

    def __init__(
        self, views: Mapping[str, ViewDefinition[Any]], events: EventStore, store: ViewStore, clock: Clock
    ) -> None:
        self._views, self._events, self._store, self._clock = views, events, store, clock

    async def all(self, view: str | None = None) -> list[DeadLetter]:
        """The parked rows of *view*, or of all views, those parked longest first. Raises UnknownNameError."""
        names = list(self._views) if view is None else [self._definition(view).name]
        return [letter for name in names for letter in await self._of(name)]

    async def one(self, view: str, key: Any) -> DeadLetter:
        """The parked row with this key, a tuple for a composite one.

        Raises NotParkedError, UnknownNameError, and InvalidMessageError when it cannot be a key of the view.
        """
        asked = self._definition(view).asked_key(key)
        found = next((letter for letter in await self._of(view) if letter.key == asked), None)
        if found is None:
            raise NotParkedError(view, shown(asked))
        return found

    async def waiting(self, letter: DeadLetter, limit: int = 20) -> list[RecordedEvent]:
        """The first *limit* events that wait for a row, the failed one first."""
        if not isinstance(self._store, ParkingLot):
            return []
        found: list[RecordedEvent] = []
        for position in await self._store.parked_events(letter.generation, letter.parked.shard, letter.key, limit):
            found += (await self._events.read_log(position - 1, limit=1)).events
        return found

    async def retry(self, letters: Sequence[DeadLetter], *, wait: float = 10.0) -> list[Outcome]:
        """Have rows tried again at once, and wait at most *wait* seconds in all until that is done."""
        return await self._have(letters, DUE, None, wait)

    async def discard(
        self, letter: DeadLetter, *, every: bool = False, by: str, why: str = "", wait: float = 10.0
    ) -> Outcome:
        """Have a row go on without the event that failed, or without *every* one that waits; then as `retry`.

        Who asked and why is logged by the process that does it.
        """
        cause = f"discarded by {by}{': ' + why if why else ''} (it had failed: {letter.parked.failure.cause})"
        (outcome,) = await self._have([letter], DISCARD_ALL if every else DISCARD_ONE, cause, wait)
        return outcome

    # --- asking ---------------------------------------------------------------------------

    async def _have(self, letters: Sequence[DeadLetter], wish: int, cause: str | None, wait: float) -> list[Outcome]:
        """Ask until it is answered: a try that was under way may have overwritten the wish."""
        outcomes: dict[_Place, Outcome] = {}
        pending, deadline = list(letters), self._clock.monotonic() + wait
        asking = pending
        while pending:
            await self._ask(asking, wish, cause)
            seen = await self._seen(pending)
            outcomes |= {letter.place: _outcome(letter, seen.get(letter.place), wish) for letter in pending}
            pending = [each for each in pending if outcomes[each.place].settled is Settled.ASKED]
            asking = [each for each in pending if not _is_pending(seen[each.place], wish)]
            if self._clock.monotonic() >= deadline:
                break
            await asyncio.sleep(_POLL if pending else 0)
        return [outcomes[letter.place] for letter in letters]

    async def _ask(self, letters: Sequence[DeadLetter], wish: int, cause: str | None) -> None:
        """Write the wish beside those rows that are parked as they were when they were seen."""
        shards = {(letter.generation, letter.parked.shard) for letter in letters}
        for generation, shard in shards:
            wanted = {letter.key: letter for letter in letters if letter.place[:2] == (generation.view, shard)}
            await self._write(generation, shard, wanted, wish, cause)

    async def _write(
        self, generation: Generation, shard: int, wanted: Mapping[Key, DeadLetter], wish: int, cause: str | None
    ) -> None:
        """Between two steps of whoever folds the shard: its checkpoint and fence stay as they are."""
        for _ in range(_TRIES):
            checkpoint = await self._store.checkpoint(generation, shard)
            parkings = [
                Parking(now.key, now.failure._replace(retry_at=wish, cause=cause or now.failure.cause))
                for now in await self._parked(generation, shard)
                if now.key in wanted and (wish == DUE or _is_same(now, wanted[now.key].parked))
            ]
            try:
                if parkings:
                    await self._store.save(generation, shard, (), checkpoint.mark, checkpoint, parkings)
            except LeaseLostError:
                await asyncio.sleep(0)
            else:
                return
        raise ConflictError(f"{generation.view} moved on {_TRIES} times meanwhile; try again")

    async def _seen(self, letters: Sequence[DeadLetter]) -> dict[_Place, DeadLetter]:
        views = dict.fromkeys(letter.view for letter in letters)
        return {letter.place: letter for view in views for letter in await self._of(view)}

    # --- looking --------------------------------------------------------------------------

    async def _of(self, view: str) -> list[DeadLetter]:
        generation = await self._live(view)
        if generation is None:
            return []
        return [DeadLetter(view, parked.key, parked, generation) for parked in await self._parked(generation, None)]

    async def _parked(self, generation: Generation, shard: int | None) -> list[Parked]:
        return await self._store.parked_keys(generation, shard) if isinstance(self._store, ParkingLot) else []

    async def _live(self, view: str) -> Generation | None:
        if not isinstance(self._store, Generations):
            return await self._store.open_generation(self._definition(view).table, self._events.epoch)
        kept = [each.generation for each in await self._store.generations(view)]
        return next((each for each in kept if each.status == Status.LIVE), None)

    def _definition(self, view: str) -> ViewDefinition[Any]:
        found = self._views.get(view)
        if found is None:
            raise UnknownNameError("view", view, tuple(self._views))
        return found


def _outcome(letter: DeadLetter, now: DeadLetter | None, wish: int) -> Outcome:
    if now is None:
        return Outcome(Settled.LET_GO, letter, None)
    has_tried = now.asked is None and (wish == DUE or not _is_same(now.parked, letter.parked))
    return Outcome(Settled.STILL_PARKED if has_tried else Settled.ASKED, letter, now)


def _is_pending(now: DeadLetter, wish: int) -> bool:
    return now.parked.failure.retry_at in (wish, DUE)


def _is_same(now: Parked, before: Parked) -> bool:
    """Whether a row is still stuck at the event that was seen; another one is not what was meant."""
    return now.failure.position == before.failure.position
