"""What one shard has parked, as the process that folds it knows it; and when which row is tried again."""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from time import perf_counter
from typing import NamedTuple, Protocol
from urllib.parse import quote

from twofold.clock import Clock, SystemClock
from twofold.errors import FoldError
from twofold.event_store.recorded_event import RecordedEvent
from twofold.messages.fingerprint import fingerprint
from twofold.read.batch import EventFailedError, place_of, words_of
from twofold.read.parking import Failure, Parked, Parking
from twofold.read.plan import Folded, RowFailed
from twofold.read.progress import Stuck
from twofold.read.view_store import Generation, Key, ParkingLot, ViewStore
from twofold.retry import RetryPolicy

_log = logging.getLogger("twofold.read")

LOOK_SECONDS = 1.0
"""How soon what somebody asks for is seen (seconds), while anything is parked. Where looking takes long, later."""
_LOOKS_SHARE = 0.05
_CAUSE, _STACK = 1000, 8000


class Parks(NamedTuple):
    """How the rows of a shard are parked: at most *keys* of them with at most *waiting* events each, tried again by
    themselves as *retry* says.
    """

    keys: int = 1000
    waiting: int = 100_000
    retry: RetryPolicy = RetryPolicy(first_delay=1.0, max_delay=300.0)
    clock: Clock = SystemClock()


class ParkingStore(ViewStore, ParkingLot, Protocol):
    """A store that keeps rows, and those of them that failed."""


class Lot:
    """The parked rows of one shard. Only whoever folds the shard parks rows and lets them go.

    Args:
        store: where they are kept.
        generation: of which built copy.
        shard: the shard's number.
        rule: the class with the folds that run here.
        parks: the limits.
    """

    def __init__(self, store: ParkingLot, generation: Generation, shard: int, rule: type, parks: Parks) -> None:
        self.rows: Mapping[Key, Parked] = {}
        self.shard = shard
        self._store, self._generation = store, generation
        self._rule, self._parks = rule, parks
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._look_at: float | None = None

    @cached_property
    def _code(self) -> str:
        """The folds as they are, also of a view that declares its version."""
        return fingerprint(self._rule)

    @property
    def stuck(self) -> dict[Key, Stuck]:
        """What waits for each row, as it was last seen."""
        return stuck_of(self.rows.values())

    def forget(self) -> None:
        """What is known may be wrong: look again before anything else."""
        self._look_at = None

    async def look(self) -> None:
        """See what is parked, if it was not seen lately."""
        now = self._parks.clock.monotonic()
        if self._look_at is None or (self.rows and now >= self._look_at):
            began = perf_counter()
            self.rows = await self._read()
            self._look_at = now + max(LOOK_SECONDS, (perf_counter() - began) / _LOOKS_SHARE)

    async def read_stuck(self) -> dict[Key, Stuck]:
        """What waits for each row now."""
        return stuck_of((await self._read()).values())

    async def _read(self) -> dict[Key, Parked]:
        return {parked.key: parked for parked in await self._store.parked_keys(self._generation, self.shard)}

    def next_due(self) -> Parked | None:
        """A row that is to be tried now: it is time, somebody asks for it, or other code has failed on it."""
        now = self._parks.clock.now_micros()
        for parked in self.rows.values():
            at, code = parked.failure.retry_at, parked.failure.code
            if (at and at <= now) or code != self._code:
                return parked
        return None

    # --- what a batch parks ---------------------------------------------------------------

    def parkings(self, folded: Folded, events: Sequence[RecordedEvent]) -> list[Parking]:
        """What a batch parks. Raises EventFailedError at the first of its *events* for which there is no room."""
        full = [*self._too_many_keys(folded.failed), *self._too_many_events(folded)]
        if full:
            position, why, setting = min(full)
            event = next(event for event in events if event.position == position)
            raise EventFailedError(event, FoldError(why), _remedy(self._generation.view, setting))
        parkings = [Parking(each.key, self.failure(each), each.waiting) for each in folded.failed]
        return parkings + [Parking(key, None, positions) for key, positions in folded.queued.items()]

    def failure(self, failed: RowFailed) -> Failure:
        """Why the row is parked, or stays so, and when it is tried again."""
        before, position = self.rows.get(failed.key), failed.event.position
        is_same = before is not None and before.failure.position == position
        attempts = before.failure.attempts + 1 if before is not None and is_same else 1
        delay = self._parks.retry.delay(attempts, self._rng)
        retry_at = self._parks.clock.now_micros() + int(delay * 1e6)
        cause = f"{place_of(failed.event)}: {words_of(failed.cause)}"
        return Failure(position, cause[:_CAUSE], _stack(failed.cause), self._code, attempts, retry_at)

    def keep(self, parkings: Iterable[Parking]) -> None:
        """*parkings* are saved."""
        rows = dict(self.rows)
        for key, failure, waiting, _ in parkings:
            before = rows.get(key)
            if before is not None:
                count = before.waiting + len(waiting)
                rows[key] = before._replace(failure=failure or before.failure, waiting=count, last=waiting[-1])
            elif failure is not None:
                now = self._parks.clock.now_micros()
                rows[key] = Parked(self.shard, key, failure, len(waiting), waiting[-1], now)
                _log.error("row %s of %s is parked: %s", shown(key), self._generation.view, failure.cause)
        self.rows = rows

    def _too_many_keys(self, failed: Sequence[RowFailed]) -> list[tuple[int, str, str]]:
        room = self._parks.keys - len(self.rows)
        if len(failed) <= room:
            return []
        position = failed[max(0, room)].event.position
        why = f"{words_of(failed[max(0, room)].cause)}; {len(self.rows) + max(0, room)} rows are parked already"
        return [(position, f"{why}, as many as may be", "parked_keys")]

    def _too_many_events(self, folded: Folded) -> list[tuple[int, str, str]]:
        most = self._parks.waiting
        found = []
        waiting = {each.key: each.waiting for each in folded.failed} | folded.queued
        for key, positions in waiting.items():
            room = most - (self.rows[key].waiting if key in self.rows else 0)
            if len(positions) > room:
                why = f"{most} events wait for the parked row {shown(key)}, as many as may"
                found.append((positions[max(0, room)], why, "parked_events"))
        return found


def stuck_of(parked: Iterable[Parked]) -> dict[Key, Stuck]:
    """What waits for each of the *parked* rows."""
    return {each.key: Stuck(each.failure.position, each.last) for each in parked}


def shown(key: Key) -> str:
    """A row's key for people, as it is written in URLs and on the command line."""
    return str(key[0]) if len(key) == 1 else ",".join(quote(str(part), safe="") for part in key)


def _stack(error: Exception) -> str:
    """The end of the stack, where the fault is."""
    return "".join(traceback.format_exception(error))[-_STACK:]


def _remedy(view: str, setting: str) -> str:
    return (
        f"`twofold dlq list {view}` shows what failed; correct the fold and start again, let rows go with"
        f" `twofold dlq retry` or `twofold dlq discard`, or raise the setting {setting}"
    )
