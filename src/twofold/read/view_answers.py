"""Rows for callers outside: by key, found, counted; through the middlewares, as fresh as they ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec

from twofold.errors import RowNotFoundError
from twofold.event_store.moment import Moment
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import surround
from twofold.read.answer import ANYTIME, SWAPPED, Answer, ReadModel, Wish, answered, as_wished, token_of
from twofold.read.rows import Page, Rows, Touched
from twofold.read.view import View
from twofold.read.view_store import Condition

V = TypeVar("V", bound=View)
R = TypeVar("R")


class GetRow(msgspec.Struct, frozen=True):
    """What middlewares see when somebody asks for one row; `at` is the moment it is asked for as of, None for now."""

    view: type[View]
    key: Any
    at: Moment | None = None


class FindRows(msgspec.Struct, frozen=True):
    """What middlewares see when somebody asks for rows by their fields."""

    view: type[View]
    conditions: tuple[Condition, ...] = ()
    order_by: str | Sequence[str] = ()
    limit: int = 100
    cursor: str | None = None


class CountRows(msgspec.Struct, frozen=True):
    """What middlewares see when somebody asks how many rows there are."""

    view: type[View]
    conditions: tuple[Condition, ...] = ()


class ViewAnswers:
    """Answers from single views."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    async def get(self, view: type[V], key: Any, wish: Wish = ANYTIME, *, context: Context | None = None) -> Answer[V]:
        """The row with this key. Raises RowNotFoundError with the token."""
        if not self._model.middlewares:
            return await self._get(view, key, wish)

        async def endpoint(message: GetRow, _: Context) -> Answer[Any]:
            return await self._get(message.view, message.key, wish)

        answer = await surround(endpoint, self._model.middlewares)(GetRow(view, key), context or Context())
        return cast("Answer[V]", answer)

    async def _get(self, view: type[V], key: Any, wish: Wish) -> Answer[V]:
        model = self._model
        definition = model.definition(view)
        asked, freshness, name = definition.asked_key(key), model.freshness, definition.name
        if wish.after is None and freshness.is_plain(name, asked):
            try:
                found = await model.store.get(definition.table, asked, freshness.answers_from(name))
            except SWAPPED:
                pass
            else:
                if found.rows and freshness.is_plain(name, asked):
                    return Answer(definition.row(found.rows[0].values), token_of(found.mark))

        async def ask(wanted: int) -> Answer[V | None]:
            lacking = freshness.lacking((name,), asked)
            found = await model.store.get(definition.table, asked, freshness.answers_from(name))
            mark = await freshness.as_of(found.mark, lacking, freshness.lacking((name,), asked))
            row = definition.row(found.rows[0].values) if found.rows else None
            return Answer(row, token_of(mark), freshness.is_older(mark, wanted))

        answer = await as_wished(freshness, (name,), wish, ask, asked)
        if answer.value is None:
            raise RowNotFoundError(name, key, answer.token)
        return cast("Answer[V]", answer)

    async def find(
        self, search: FindRows, wish: Wish = ANYTIME, *, context: Context | None = None
    ) -> Answer[Page[Any]]:
        """The page of rows that *search* describes."""

        def page(rows: Rows[Any]) -> Awaitable[Page[Any]]:
            return rows.page(*search.conditions, order_by=search.order_by, limit=search.limit, cursor=search.cursor)

        return await self._through(search, context, wish, page)

    async def count(self, search: CountRows, wish: Wish = ANYTIME, *, context: Context | None = None) -> Answer[int]:
        """How many rows pass."""
        return await self._through(search, context, wish, lambda rows: rows.count(*search.conditions))

    async def _through(
        self,
        message: FindRows | CountRows,
        context: Context | None,
        wish: Wish,
        ask: Callable[[Rows[Any]], Awaitable[R]],
    ) -> Answer[R]:
        model = self._model

        async def endpoint(message: FindRows | CountRows, _: Context) -> Answer[R]:
            name = model.definition(message.view).name

            def compute(touched: Touched) -> Awaitable[R]:
                return ask(model.rows(message.view, touched))

            return await answered(model.freshness, (name,), wish, compute)

        answer = await surround(endpoint, model.middlewares)(message, context or Context())
        return cast("Answer[R]", answer)
