"""How two generations of a view differ: how many rows each has, and rows that are not alike, field by field."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from operator import gt, lt
from typing import Any, NamedTuple

import msgspec

from twofold.errors import GenerationError
from twofold.read.generations import Kept
from twofold.read.view_store import Generation, Key, Search, StoredRow, ViewStore, ViewTable

PAGE = 500
"""Rows read at a time."""
LISTED = 100
"""Rows that are listed; all are counted."""


class Difference(msgspec.Struct, frozen=True):
    """A row that is not alike. `fields` has, by name, the old and the new value; for a row that only one generation
    has it is empty, and `only_in` is the number of that one.
    """

    key: Key
    fields: dict[str, tuple[Any, Any]]
    only_in: int | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What was found between generation `old` and `new`.

    Of `looked_at` rows `differing` were not alike, of which the first ones are `differences`; `fields` says how often
    each field was not. `moving` rows could not be judged: events between the two checkpoints touched them. Fields
    that only one of the two has are `only_old` and `only_new`, and are not compared. `rows` are the counts.
    """

    view: str
    old: int
    new: int
    rows: tuple[int, int]
    looked_at: int
    differing: int
    moving: int
    fields: dict[str, int]
    differences: list[Difference]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    is_whole: bool

    @property
    def is_alike(self) -> bool:
        """Whether nothing differs in what was looked at: rows, counts and fields."""
        return not (self.differing or self.only_old or self.only_new or (self.is_whole and not self._counts_agree))

    @property
    def _counts_agree(self) -> bool:
        return self.rows[0] == self.rows[1] or bool(self.moving)

    def __str__(self) -> str:
        """One line for people."""
        looked = f"{self.looked_at:,} of {max(self.rows):,} rows compared with generation {self.old}"
        found = "all alike" if not self.differing else f"{self.differing:,} differ"
        names = sorted(self.fields, key=lambda name: -self.fields[name])
        of = f" in {', '.join(names[:5])}" if names else ""
        new = f"; new: {', '.join(self.only_new)}" if self.only_new else ""
        gone = f"; gone: {', '.join(self.only_old)}" if self.only_old else ""
        moving = f"; {self.moving:,} were moving" if self.moving else ""
        return f"{looked}: {found}{of}{new}{gone}{moving}"


class _Seen(NamedTuple):
    """A row of one side, with the position up to which that side had folded when it was read."""

    key: Key
    row: StoredRow
    reached: int


class _Tally:
    """What is counted while rows are looked at."""

    def __init__(self, columns: Sequence[str], old: int, new: int) -> None:
        self.columns, self.old, self.new = columns, old, new
        self.looked_at = self.differing = self.moving = 0
        self.fields: Counter[str] = Counter()
        self.listed: list[Difference] = []

    def look(self, old: _Seen | None, new: _Seen | None, reached: int) -> None:
        """Judge one key; where a side has no row it had folded up to *reached*."""
        self.looked_at += 1
        if old is not None and new is not None:
            settled = max(old.row.position, new.row.position) <= min(old.reached, new.reached)
            fields = _unlike(self.columns, old.row.values, new.row.values)
            if fields and settled:
                self._differs(Difference(old.key, fields))
            self.moving += bool(fields) and not settled
            return
        there = old or new
        if there is None or not there.row.position <= reached <= there.reached:
            self.moving += 1
            return
        self._differs(Difference(there.key, {}, self.old if new is None else self.new))

    def _differs(self, difference: Difference) -> None:
        self.differing += 1
        self.fields.update(difference.fields.keys())
        if len(self.listed) < LISTED:
            self.listed.append(difference)


async def compare(store: ViewStore, table: ViewTable, old: Kept, new: Kept, limit: int | None = 1000) -> Comparison:
    """Compare the rows of *new* with those of *old*: about *limit*, half from each end of the keys, or all (None).

    A row counts as not alike only where both generations have folded everything that touched it; while traffic goes
    on the others are `moving`. Only fields that both have in the same way are compared.

    Args:
        store: what keeps both.
        table: the view's table as *new* has it.
        old: the generation that answers now.
        new: the one that is to.
        limit: about how many rows are looked at.

    Raises:
        GenerationError: they have other keys, and no row can be compared.
    """
    common, only_old, only_new = _common(table, old, new)
    rows = [(await store.count(common, (), of=each.generation)).count for each in (old, new)]
    is_whole = limit is None or max(rows) <= limit
    names = [column.name for column in common.columns]
    tally = _Tally(names, old.generation.number, new.generation.number)
    for order in ("",) if is_whole else ("", "-"):
        pairs = _Pairs(store, common, old.generation, new.generation, order)
        await pairs.look(tally, None if limit is None or is_whole else -(-limit // 2))
    return Comparison(
        view=table.view,
        old=tally.old,
        new=tally.new,
        rows=(rows[0], rows[1]),
        looked_at=tally.looked_at,
        differing=tally.differing,
        moving=tally.moving,
        fields=dict(tally.fields),
        differences=tally.listed,
        only_old=only_old,
        only_new=only_new,
        is_whole=is_whole,
    )


def _common(table: ViewTable, old: Kept, new: Kept) -> tuple[ViewTable, tuple[str, ...], tuple[str, ...]]:
    """The table with those columns that both have in the same way, and those of either alone."""
    if old.recipe.get("key") != new.recipe.get("key"):
        raise GenerationError(
            f"generations {old.generation.number} and {new.generation.number} of {table.view} have other keys "
            f"({old.recipe.get('key')}; {new.recipe.get('key')}): their rows cannot be compared",
            "look at rows of both, then promote the new one, or drop it",
        )
    was, now = _fields(old), _fields(new)
    both = {name for name in now if was.get(name) == now[name]}
    columns = tuple([column for column in table.columns if column.name in both])
    only_old, only_new = (tuple(name for name in side if name not in both) for side in (was, now))
    return table._replace(columns=columns, indexes=()), only_old, only_new


def _fields(kept: Kept) -> dict[str, str]:
    named = {name: text for name, text in kept.recipe.items() if name.startswith("field ")}
    return {name.removeprefix("field "): text for name, text in named.items()}


def _unlike(names: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old[name], new[name]) for name in names if old[name] != new[name]}


class _Pairs:
    """Walks both generations side by side, in the order of their keys."""

    def __init__(self, store: ViewStore, table: ViewTable, old: Generation, new: Generation, order: str) -> None:
        self._is_before = gt if order else lt
        self._olds, self._news = (_Side(store, table, each, order) for each in (old, new))

    async def look(self, tally: _Tally, limit: int | None) -> None:
        """Judge *limit* keys, or all."""
        end = None if limit is None else tally.looked_at + limit
        while tally.looked_at != end:
            old, new = await self._olds.peek(), await self._news.peek()
            if old is None and new is None:
                return
            if old is None or (new is not None and self._is_before(new.key, old.key)):
                tally.look(None, self._news.take(), self._olds.reached)
            elif new is None or self._is_before(old.key, new.key):
                tally.look(self._olds.take(), None, self._news.reached)
            else:
                tally.look(self._olds.take(), self._news.take(), 0)


class _Side:
    """The rows of one generation, a page at a time."""

    def __init__(self, store: ViewStore, table: ViewTable, generation: Generation, order: str) -> None:
        self._store, self._table, self._generation = store, table, generation
        self._order_by = tuple([f"{order}{name}" for name in table.key])
        self._page: deque[_Seen] = deque()
        self._last: Key | None = None
        self._is_over = False
        self.reached = 0

    async def peek(self) -> _Seen | None:
        """The next row; None behind the last one."""
        if not self._page and not self._is_over:
            await self._read()
        return self._page[0] if self._page else None

    def take(self) -> _Seen:
        """Pass over the next row, which `peek` has shown."""
        return self._page.popleft()

    async def _read(self) -> None:
        search = Search((), self._order_by, PAGE, self._last)
        found = await self._store.find(self._table, search, of=self._generation)
        self.reached = found.mark.position
        for row in found.rows:
            self._last = tuple([row.values[name] for name in self._table.key])
            self._page.append(_Seen(self._last, row, self.reached))
        self._is_over = len(found.rows) < PAGE
