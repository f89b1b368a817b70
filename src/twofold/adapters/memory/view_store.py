"""The reference view store: rows in dictionaries, gone when the process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cmp_to_key
from operator import contains, eq, ge, gt, le, lt, ne
from typing import Any
from uuid import uuid4

from twofold.adapters.memory.view_copy import Copy
from twofold.clock import SystemClock
from twofold.errors import ConflictError, LeaseLostError, MisuseError
from twofold.event_store.recorded_event import Mark
from twofold.read.generations import Kept, Status
from twofold.read.parking import Parked, Parking
from twofold.read.view_store import (
    Checkpoint,
    Condition,
    Counted,
    Found,
    Generation,
    Key,
    RowChange,
    Search,
    StoredRow,
    ViewTable,
    full_order,
)

_Test = Callable[[Any, Any], bool]
_ALWAYS: dict[str, _Test] = {"eq": eq, "ne": ne, "isnull": lambda value, wanted: (value is None) is wanted}
_OF_VALUES: dict[str, _Test] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
    "in": lambda value, wanted: value in wanted,
    "contains": contains,
    "startswith": str.startswith,
}


class MemoryViewStore:
    """Keeps the contracts of `ViewStore`, `Generations`, `ParkingLot` and `LookupRows` in the simplest way that can be
    right.
    """

    def __init__(self) -> None:
        self.identity = uuid4().hex
        self._copies: dict[str, dict[int, Copy]] = {}
        self._live: dict[str, Copy] = {}
        self._numbers: dict[str, int] = {}
        self._paused: set[str] = set()
        self._now = SystemClock().now_micros

    # --- generations ----------------------------------------------------------------------

    async def open_generation(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """The live generation of the view, made if there is none."""
        if table.view not in self._live:
            self._live[table.view] = self._make(table, epoch, shards, Status.LIVE)
        return self._live[table.view].generation

    async def generations(self, view: str) -> list[Kept]:
        """Every generation of *view* that is kept."""
        return [copy.kept() for copy in self._copies.get(view, {}).values()]

    async def build(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """A generation with that fingerprint and epoch: the newest there is, else a new one."""
        for copy in reversed(self._copies.get(table.view, {}).values()):
            if (copy.generation.fingerprint, copy.generation.epoch) == (table.fingerprint, epoch):
                return copy.generation
        return self._make(table, epoch, shards, Status.BUILDING).generation

    async def promote(self, generation: Generation, *, behind: bool = False, why: str = "") -> None:
        """Make it the live one."""
        copy = self._copies.get(generation.view, {}).get(generation.number)
        if copy is None:
            raise ConflictError(f"generation {generation.number} of {generation.view} is not kept any more")
        live = self._live.get(generation.view)
        if live is copy:
            return
        if live is not None and not behind and copy.mark.position < live.kept().highest.position:
            raise ConflictError(f"generation {generation.number} of {generation.view} is behind the live one")
        if live is not None:
            live.label(Status.RETIRED, why, self._now())
        copy.label(Status.LIVE, copy.why, self._now())
        self._live[generation.view] = copy

    async def label(self, generation: Generation, status: Status, why: str = "") -> None:
        """Set the status of a generation that is not live."""
        copy = self._of(generation)
        if status is Status.LIVE or copy is self._live.get(generation.view):
            raise MisuseError(f"which generation of {generation.view} is live is said by promote")
        copy.label(status, why, self._now())

    async def drop(self, generation: Generation) -> None:
        """Forget it."""
        copies = self._copies.get(generation.view, {})
        if generation.number in copies and copies[generation.number] is self._live.get(generation.view):
            raise MisuseError(f"generation {generation.number} of {generation.view} is live: promote another first")
        copies.pop(generation.number, None)

    async def pause(self, view: str, *, paused: bool) -> None:
        """Remember whether it is to be folded."""
        (self._paused.add if paused else self._paused.discard)(view)

    async def paused(self) -> frozenset[str]:
        """The views that are paused."""
        return frozenset(self._paused)

    def _make(self, table: ViewTable, epoch: str, shards: int, status: Status) -> Copy:
        number = self._numbers[table.view] = self._numbers.get(table.view, 0) + 1
        generation = Generation(table.view, number, table.fingerprint, epoch, shards, status.value)
        copy = self._copies.setdefault(table.view, {})[number] = Copy(generation, table, self._now())
        return copy

    def _of(self, generation: Generation) -> Copy:
        copy = self._copies.get(generation.view, {}).get(generation.number)
        if copy is None:
            raise LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
        return copy

    # --- folding --------------------------------------------------------------------------

    async def checkpoint(self, generation: Generation, shard: int) -> Checkpoint:
        """Where *shard* is."""
        return self._of(generation).checkpoints[shard]

    async def load(self, generation: Generation, shard: int, keys: Sequence[Key]) -> dict[Key, StoredRow]:  # noqa: ARG002
        """The rows with those keys."""
        return _read(self._of(generation), keys)

    async def load_lookup(self, generation: Generation, lookup: ViewTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """The rows with those keys."""
        return _read(self._of(generation).lookups[lookup.view], keys)

    async def find_lookup(self, generation: Generation, lookup: ViewTable, search: Search) -> list[StoredRow]:
        """The rows that match, in order."""
        return _found(self._of(generation).lookups[lookup.view], lookup, search)

    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        """Apply *changes* and *parking* and move the checkpoint, all or nothing."""
        copy = self._of(generation)
        now = copy.checkpoints[shard]
        if now.mark != expected:
            raise LeaseLostError(f"{generation.view} is at {now.mark.position}, not at {expected.position}")
        if now.fence > reached.fence:
            raise LeaseLostError(f"{generation.view} has seen lease {now.fence}; {reached.fence} is over")
        places = [copy.lookups[change.table] if change.table else copy for change in changes]
        rows = [(place, change.key, place.encoded(change)) for place, change in zip(places, changes, strict=True)]
        for place, key, row in rows:
            place.put(key, row, shard)
        for each in parking:
            copy.park(shard, each, self._now())
        copy.checkpoints[shard] = reached

    async def parked_keys(self, generation: Generation, shard: int | None = None) -> list[Parked]:
        """The parked rows."""
        found = [each for each in self._of(generation).parked.values() if shard in (None, each.shard)]
        return sorted(found, key=lambda each: (each.since, each.failure.position))

    async def parked_events(self, generation: Generation, shard: int, key: Key, limit: int = 1000) -> list[int]:
        """What waits for a row."""
        copy = self._of(generation)
        parked = copy.parked.get(key)
        return copy.waiting[key][:limit] if parked is not None and parked.shard == shard else []

    # --- answering ------------------------------------------------------------------------

    async def get(self, table: ViewTable, key: Key, of: Generation | None = None) -> Found:
        """The row with this key: one or none."""
        copy = self._copy(table, of)
        row = copy.rows.get(key)
        if row is None:
            return Found([], copy.mark, copy.generation.number)
        return Found([copy.read(row)], copy.checkpoints[copy.shards[key]].mark, copy.generation.number)

    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        """The rows that match, in order."""
        copy = self._copy(table, of)
        return Found(_found(copy, table, search), copy.mark, copy.generation.number)

    async def count(self, table: ViewTable, conditions: Sequence[Condition], of: Generation | None = None) -> Counted:
        """How many rows match."""
        copy = self._copy(table, of)
        return Counted(len(_matching(copy.rows.values(), conditions)), copy.mark, copy.generation.number)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _copy(self, table: ViewTable, of: Generation | None) -> Copy:
        if of is not None:
            return self._of(of)
        found = self._live.get(table.view)
        return found or Copy(Generation(table.view, 0, table.fingerprint, "", 1, "missing"), table, 0)


def _read(copy: Copy, keys: Sequence[Key]) -> dict[Key, StoredRow]:
    return {key: copy.read(copy.rows[key]) for key in keys if key in copy.rows}


def _found(copy: Copy, table: ViewTable, search: Search) -> list[StoredRow]:
    order = full_order(table, search.order_by)
    found = in_order(_matching(copy.rows.values(), search.conditions), order)
    if search.after is not None:
        found = [row for row in found if _place(row.values, order, search.after) > 0]
    return [copy.read(row) for row in found[: search.limit]]


def _matching(rows: Iterable[StoredRow], conditions: Sequence[Condition]) -> list[StoredRow]:
    return [row for row in rows if all(matches(row.values[one.column], one) for one in conditions)]


def matches(value: Any, condition: Condition) -> bool:
    """Whether a column's *value* passes the test."""
    always = _ALWAYS.get(condition.operator)
    if always is not None:
        return always(value, condition.value)
    return value is not None and _OF_VALUES[condition.operator](value, condition.value)


def in_order(rows: Sequence[StoredRow], order: Sequence[tuple[str, bool]]) -> list[StoredRow]:
    """*rows* sorted by columns, each rising or (True) falling."""

    def compare(a: StoredRow, b: StoredRow) -> int:
        return _place(a.values, order, [b.values[name] for name, _ in order])

    return sorted(rows, key=cmp_to_key(compare))


def _place(values: Mapping[str, Any], order: Sequence[tuple[str, bool]], after: Sequence[Any]) -> int:
    """Below 0 when a row with *values* comes before the place *after*, above 0 when it comes behind it."""
    for (name, falling), other in zip(order, after, strict=True):
        value = values[name]
        if value == other:
            continue
        rises = other is not None and (value is None or value < other)
        return -1 if rises != falling else 1
    return 0
