"""One built copy of a view, in dictionaries."""

from __future__ import annotations

import msgspec

from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.generations import Kept, Status
from twofold.read.parking import Parked, Parking
from twofold.read.view_store import Checkpoint, Generation, Key, Kind, RowChange, StoredRow, ViewTable


class Copy:
    """One generation: its rows by key, where each shard is, and what is parked."""

    def __init__(self, generation: Generation, table: ViewTable, made_at: int) -> None:
        self.generation = generation
        self.recipe = dict(table.recipe)
        self.why = ""
        self.changed_at = made_at
        self.rows: dict[Key, StoredRow] = {}
        self.shards: dict[Key, int] = {}
        self.parked: dict[Key, Parked] = {}
        self.waiting: dict[Key, list[int]] = {}
        start = Checkpoint(Mark(generation.epoch, 0, NO_CHECK), 0)
        self.checkpoints = dict.fromkeys(range(generation.shards), start)
        self.lookups = {lookup.view: Copy(generation, lookup, made_at) for lookup in table.lookups}
        self._nested = [(column.name, column.type) for column in table.columns if column.kind is Kind.JSON]

    def encoded(self, change: RowChange) -> StoredRow | None:
        """The row as it is kept."""
        if change.values is None:
            return None
        values = dict(change.values)
        for name, _ in self._nested:
            values[name] = None if values[name] is None else msgspec.json.encode(values[name])
        return StoredRow(values, change.position)

    def put(self, key: Key, row: StoredRow | None, shard: int) -> None:
        """Keep the row, or delete it."""
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
            self.shards[key] = shard

    def read(self, row: StoredRow) -> StoredRow:
        """The row as it was handed in."""
        values = dict(row.values)
        for name, kind in self._nested:
            values[name] = None if values[name] is None else msgspec.json.decode(values[name], type=kind)
        return StoredRow(values, row.position)

    def park(self, shard: int, parking: Parking, now: int) -> None:
        """Park a row, keep it parked, or let it go."""
        key = parking.key
        waiting = [at for at in self.waiting.get(key, []) if at > parking.done]
        waiting += [at for at in parking.waiting if at > max([parking.done, *waiting[-1:]])]
        before = self.parked.get(key)
        failure = parking.failure or (before.failure if before is not None else None)
        if failure is None or not waiting:
            self.parked.pop(key, None)
            self.waiting.pop(key, None)
            return
        since = now if before is None else before.since
        self.waiting[key] = waiting
        self.parked[key] = Parked(shard, key, failure, len(waiting), waiting[-1], since)

    def label(self, status: Status, why: str, now: int) -> None:
        """Give it a status."""
        self.generation = self.generation._replace(status=status.value)
        self.why, self.changed_at = why, now

    def kept(self) -> Kept:
        """What the store says of it."""
        marks = [checkpoint.mark for checkpoint in self.checkpoints.values()]
        lowest, highest = (extreme(marks, key=lambda mark: mark.position) for extreme in (min, max))
        return Kept(self.generation, self.recipe, lowest, highest, self.why, self.changed_at)

    @property
    def mark(self) -> Mark:
        """Where the shard is that is least far."""
        return self.kept().lowest
