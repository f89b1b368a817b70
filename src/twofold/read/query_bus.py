"""One query, its one answer: through the middlewares, as fresh as the caller asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import msgspec

from twofold.errors import MisuseError, UnknownNameError
from twofold.messages.declaration import declaration
from twofold.messages.message import Query
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import surround
from twofold.read.answer import ANYTIME, Answer, ReadModel, Wish, answered
from twofold.read.answers import AnswerDefinition, view_of
from twofold.read.cache import QueryCache
from twofold.read.client_reads import ClientReads
from twofold.read.rows import Touched

R = TypeVar("R")


class QueryBus:
    """Takes each query to the function that answers it.

    Args:
        answers: who answers what; without faults (`answer_faults`).
        model: what answers are made from.
        resources: what can be injected beside rows and the store's client, by type.
        cache: keeps the answers of functions that ask for it; None keeps none.
    """

    def __init__(
        self,
        answers: Sequence[AnswerDefinition],
        model: ReadModel,
        *,
        resources: Mapping[type, Any] | None = None,
        cache: QueryCache | None = None,
    ) -> None:
        self._answers = {definition.query: definition for definition in answers}
        self._model, self._resources, self._cache = model, resources or {}, cache
        had = {Context, *self._resources}
        self._through_client = {each.query for each in answers if not had.issuperset(each.resources())}

    def views_of(self, query: type) -> tuple[str, ...]:
        """The names of the views that answers to *query* depend on. Raises UnknownNameError when nobody answers it."""
        views = self._definition(query).views
        if views is None:
            return self._model.freshness.names()
        return tuple(self._model.definition(view).name for view in views)

    async def answer(self, query: Query[R], wish: Wish = ANYTIME, *, context: Context | None = None) -> Answer[R]:
        """The answer to *query*, with its token.

        Raises UnknownNameError when nobody answers it, NotFreshError and TokenUnknownError for the wish, and what the
        middlewares and the function raise.
        """
        definition = self._definition(type(query))

        async def endpoint(query: Query[R], context: Context) -> Answer[R]:
            if self._cache is None or definition.cache is False:
                return await self._compute(definition, query, wish, context)
            return await self._cached(self._cache, definition, query, wish, context)

        answer = await surround(endpoint, self._model.middlewares)(query, context or Context())
        return cast("Answer[R]", answer)

    def _definition(self, query: type) -> AnswerDefinition:
        found = self._answers.get(query)
        if found is None:
            known = tuple(declaration(each).name for each in self._answers)
            raise UnknownNameError("query", declaration(query).name, known)
        return found

    async def _compute(self, definition: AnswerDefinition, query: Any, wish: Wish, context: Context) -> Answer[Any]:
        views = self.views_of(definition.query)

        async def compute(touched: Touched) -> Any:
            if definition.query not in self._through_client:
                return await definition.function(query, **self._injected(definition, touched, context))
            async with self._client(views, touched, wish.wait) as client:
                return await definition.function(query, **self._injected(definition, touched, context, client))

        return await answered(self._model.freshness, views, wish, compute)

    @asynccontextmanager
    async def _client(
        self, views: tuple[str, ...], touched: Touched, wait: float | None
    ) -> AsyncIterator[dict[Any, Any]]:
        """The store's client. The checkpoint is noted before: what is read is no older."""
        store, freshness = self._model.store, self._model.freshness
        if not isinstance(store, ClientReads):
            raise MisuseError("this view store hands out no client to read with")
        await freshness.live(views, wait)
        touched.add(await freshness.mark(views))
        async with store.reading() as client:
            yield {store.client: client}

    def _injected(
        self, definition: AnswerDefinition, touched: Touched, context: Context, client: Mapping[Any, Any] | None = None
    ) -> dict[str, Any]:
        resources: Mapping[Any, Any] = {Context: context, **self._resources, **(client or {})}
        injected: dict[str, Any] = {}
        for name, annotation in definition.injected.items():
            view = view_of(annotation)
            injected[name] = resources[annotation] if view is None else self._model.rows(view, touched)
        return injected

    async def _cached(
        self, cache: QueryCache, definition: AnswerDefinition, query: Any, wish: Wish, context: Context
    ) -> Answer[Any]:
        at_least = 0 if wish.after is None else (await self._model.freshness.wanted(wish.after)).position
        await self._model.freshness.found(self.views_of(definition.query))
        key = self._cache_key(definition, query, context)
        kept = cache.get(key, at_least)
        if kept is not None:
            return kept
        answer = await self._compute(definition, query, wish, context)
        cache.put(key, answer, None if definition.cache is True else definition.cache)
        return answer

    def _cache_key(self, definition: AnswerDefinition, query: Any, context: Context) -> Hashable:
        progresses = self._model.freshness.progresses(self.views_of(definition.query))
        generations = tuple(progress.generation for progress in progresses)
        asked = msgspec.json.encode(query)
        return definition.query, asked, context.tenant, context.principal, generations
