"""Typed access to the rows of a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from twofold.errors import InputError, RowNotFoundError
from twofold.event_store.recorded_event import Mark
from twofold.event_store.token import encode_token
from twofold.read.conditions import Columns, checked_order
from twofold.read.cursor import decode_cursor, encode_cursor
from twofold.read.view import View, ViewDefinition
from twofold.read.view_store import Condition, Found, Generation, Search, ViewStore

V = TypeVar("V", bound=View)
MAX_LIMIT = 10_000
"""Most rows that one search may ask for; more come by pages."""


class Page(msgspec.Struct, Generic[V], frozen=True):
    """A part of a search's rows, and the cursor to go on with, or None at the end."""

    items: list[V]
    next: str | None


class Touched:
    """The checkpoints that an answer was computed from: the lowest one is the answer's."""

    __slots__ = ("mark",)

    def __init__(self) -> None:
        self.mark: Mark | None = None

    def add(self, mark: Mark) -> None:
        """Something was read as of *mark*."""
        if self.mark is None or mark.position < self.mark.position:
            self.mark = mark


def _the_live_one() -> None:
    """The live generation."""


class Rows(Generic[V]):
    """The rows of one view: `rows.find(rows.c.balance >= 100, order_by="-balance", limit=10)`.

    Args:
        definition: the view.
        store: where its rows live.
        touched: notes which checkpoints were read.
        answers_from: gives the generation to read, None for the live one.
    """

    def __init__(
        self,
        definition: ViewDefinition[V],
        store: ViewStore,
        touched: Touched | None = None,
        answers_from: Callable[[], Generation | None] = _the_live_one,
    ) -> None:
        self.definition = definition
        self.c = Columns(definition)
        self._store = store
        self._touched = touched or Touched()
        self._answers_from = answers_from

    async def get(self, key: Any) -> V:
        """The row with this key, a tuple for a composite one. Raises RowNotFoundError, or InvalidMessageError."""
        found = await self._get(key)
        if not found.rows:
            raise RowNotFoundError(self.definition.name, key, encode_token(found.mark))
        return self.definition.row(found.rows[0].values)

    async def get_or_none(self, key: Any) -> V | None:
        """The row with this key, or None."""
        found = await self._get(key)
        return self.definition.row(found.rows[0].values) if found.rows else None

    async def find(self, *conditions: Condition, order_by: str | Sequence[str] = (), limit: int = 100) -> list[V]:
        """At most *limit* rows that pass all *conditions*, sorted: "-balance" falls, "owner" rises.

        Raises InputError for a wrong sort or limit.
        """
        found = await self._find(self._search(conditions, order_by, limit))
        return [self.definition.row(row.values) for row in found.rows]

    async def page(
        self,
        *conditions: Condition,
        order_by: str | Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[V]:
        """The rows behind *cursor* (None: from the start), and the cursor of the next page.

        Raises InputError for a wrong sort or limit, and for a cursor of another search.
        """
        search = self._search(conditions, order_by, limit)
        after = None if cursor is None else decode_cursor(self.definition, search, cursor)
        found = await self._find(msgspec.structs.replace(search, limit=limit + 1, after=after))
        rows = found.rows[:limit]
        has_more = len(found.rows) > limit
        following = encode_cursor(self.definition, search, rows[-1].values) if has_more else None
        return Page([self.definition.row(row.values) for row in rows], following)

    async def count(self, *conditions: Condition) -> int:
        """How many rows pass all *conditions*."""
        counted = await self._store.count(self.definition.table, conditions, self._answers_from())
        self._touched.add(counted.mark)
        return counted.count

    async def _get(self, key: Any) -> Found:
        found = await self._store.get(self.definition.table, self.definition.asked_key(key), self._answers_from())
        self._touched.add(found.mark)
        return found

    async def _find(self, search: Search) -> Found:
        found = await self._store.find(self.definition.table, search, self._answers_from())
        self._touched.add(found.mark)
        return found

    def _search(self, conditions: tuple[Condition, ...], order_by: str | Sequence[str], limit: int) -> Search:
        if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
            raise InputError(f"limit must be from 1 to {MAX_LIMIT}, not {limit!r}")
        for one in conditions:
            if not isinstance(one, Condition):
                raise InputError(f"{one!r} is not a condition; write rows.c.field == value")
        return Search(conditions, checked_order(self.definition, order_by), limit)
