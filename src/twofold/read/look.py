"""Rows as a store has them at one moment, with the position of the log that they are as of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from twofold.errors import TwofoldError
from twofold.read.drift import differences
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Generation, Key, ParkingLot, StoredRow, ViewStore

_TRIES = 3


class Look(NamedTuple):
    """Rows of one shard as the store had them: each is as of `position`, however long reading them took.

    `most` is the highest position that any of them can have folded. None: there was no row. `broken` are those whose
    values are none of their columns', and why.
    """

    generation: Generation
    shard: int
    position: int
    most: int
    rows: dict[Key, StoredRow | None]
    broken: dict[Key, str]


class Seen(NamedTuple):
    """What came of looking at some keys: the looks, the keys of rows that moved each time, and how many are parked."""

    looks: list[Look]
    moved: list[Key]
    parked: int


class Looker:
    """Looks at the rows of one view while they are folded.

    Args:
        definition: the view.
        store: where the rows are.
    """

    def __init__(self, definition: ViewDefinition[Any], store: ViewStore) -> None:
        self._definition, self._store = definition, store

    async def look(self, generation: Generation, keys: Iterable[Key]) -> Seen:
        """The rows of *generation* with these keys, but for those that are parked. What moved is looked at again."""
        looks: list[Look] = []
        left: list[Key] = []
        parked = 0
        for shard, own in self._by_shard(generation, keys).items():
            wanted = own
            for _ in range(_TRIES):
                look, moved = await self._look_once(generation, shard, wanted)
                looks.append(look)
                parked += len(wanted) - len(look.rows) - len(look.broken) - len(moved)
                wanted = moved
                if not wanted:
                    break
            left += wanted
        return Seen(looks, left, parked)

    async def is_still(self, look: Look, key: Key) -> bool:
        """Whether the row is as it was in *look*, and not parked."""
        again, _ = await self._look_once(look.generation, look.shard, (key,))
        if key not in again.rows:
            return False
        before, now = look.rows[key], again.rows[key]
        if before is None or now is None:
            return before is now
        same = differences(self._definition, before, now, before.position)
        return before.position == now.position and next(same, None) is None

    async def without_row(self, generation: Generation, keys: Iterable[Key]) -> list[Key]:
        """Those of *keys* for which the store has no row."""
        missing: list[Key] = []
        for shard, own in self._by_shard(generation, keys).items():
            rows, broken = await self._load(generation, shard, own)
            missing += [key for key in own if key not in rows and key not in broken]
        return missing

    async def _look_once(self, generation: Generation, shard: int, keys: Sequence[Key]) -> tuple[Look, list[Key]]:
        """The rows with *keys*, and the keys of those that moved while they were read.

        A row that had no event behind the first checkpoint is as of that one. What is parked has to be asked for after
        it: a row that is parked later fails behind it.
        """
        store = self._store
        position = (await store.checkpoint(generation, shard)).mark.position
        parked = await store.parked_keys(generation, shard) if isinstance(store, ParkingLot) else ()
        waiting = {each.key for each in parked}
        rows, broken = await self._load(generation, shard, keys)
        most = (await store.checkpoint(generation, shard)).mark.position
        settled: dict[Key, StoredRow | None] = {}
        moved: list[Key] = []
        for key in keys:
            row = rows.get(key)
            if key in waiting or key in broken:
                continue
            if position < most if row is None else position < row.position <= most:
                moved.append(key)
            else:
                settled[key] = row
        return Look(generation, shard, position, most, settled, broken), moved

    async def _load(
        self, generation: Generation, shard: int, keys: Sequence[Key]
    ) -> tuple[dict[Key, StoredRow], dict[Key, str]]:
        try:
            return await self._store.load(generation, shard, keys), {}
        except TwofoldError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever reading a value raises that somebody wrote by hand
            if len(keys) == 1:
                return {}, {keys[0]: f"{type(error).__name__}: {error}"}
        rows: dict[Key, StoredRow] = {}
        broken: dict[Key, str] = {}
        for key in keys:
            one, why = await self._load(generation, shard, (key,))
            rows.update(one)
            broken.update(why)
        return rows, broken

    def _by_shard(self, generation: Generation, keys: Iterable[Key]) -> dict[int, list[Key]]:
        if generation.shards == 1:
            return {0: list(keys)}
        found: dict[int, list[Key]] = {}
        for key in keys:
            found.setdefault(self._definition.spread.shard_of(key, generation.shards), []).append(key)
        return found
