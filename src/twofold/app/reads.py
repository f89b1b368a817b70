"""The read side of an open app: every question, with its token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from twofold.app.catalog import Catalog
from twofold.app.homes import homes_of
from twofold.app.measured.process import Measures
from twofold.clock import Clock
from twofold.config import Config
from twofold.errors import ConfigError, UnknownNameError
from twofold.event_store.moment import Moment
from twofold.event_store.recorded_event import Mark
from twofold.event_store.store import Log
from twofold.messages.message import Query
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Middleware
from twofold.read.answer import ANYTIME, Answer, ReadModel, Wish
from twofold.read.answers import client_faults
from twofold.read.cache import QueryCache
from twofold.read.client_reads import ClientReads
from twofold.read.follower import Paging
from twofold.read.freshness import Freshness
from twofold.read.past import Past
from twofold.read.past_answers import PastAnswers
from twofold.read.query_bus import QueryBus
from twofold.read.rows import Page, Rows
from twofold.read.runner import Runner
from twofold.read.view import View
from twofold.read.view_answers import CountRows, FindRows, ViewAnswers
from twofold.read.view_store import ViewStore
from twofold.read.watch import watch

R = TypeVar("R")
V = TypeVar("V", bound=View)


class Reads:
    """Answers queries and reads rows; every answer carries the token it is as of."""

    def __init__(
        self,
        catalog: Catalog,
        config: Config,
        clock: Clock,
        log: Log,
        store: ViewStore,
        *,
        projectors: Mapping[str, Runner],
        middlewares: Sequence[Middleware],
        measures: Measures,
    ) -> None:
        definitions = {definition.view: definition for definition in catalog.views.values()}
        faults = client_faults(catalog.answers, store.client if isinstance(store, ClientReads) else None)
        if faults:
            raise ConfigError(faults)
        self.freshness = Freshness(log.events, projectors, wait=config.wait_default)
        self._model = ReadModel(definitions, store, self.freshness, middlewares)
        self._catalog = catalog
        self._measured = measures.answering
        cache = QueryCache(clock, ttl=config.cache_ttl) if config.cache else None
        self._bus = QueryBus(catalog.answers, self._model, cache=cache)
        self._views = ViewAnswers(self._model)
        paging = Paging(config.page_events, config.page_bytes)
        past = Past(log.events, catalog.event_reader, homes_of(catalog), paging=paging, limit=config.as_of_events)
        self._past = PastAnswers(self._model, log.events, past)

    async def answer(self, query: Query[R], wish: Wish = ANYTIME, *, context: Context | None = None) -> Answer[R]:
        """The answer to *query*, validated first, with its token."""
        found = self._catalog.types.of(type(query)) if type(query) in self._catalog.types else None
        if found is None or found.kind != "query":
            raise UnknownNameError("query", type(query).__name__, tuple(self._catalog.queries))
        copy, _ = found.codec.validate(query)
        return await self._measured("query", type(query), self._bus.answer(copy, wish, context=context))

    async def get(self, view: type[V], key: Any, wish: Wish = ANYTIME, *, context: Context | None = None) -> Answer[V]:
        """One row by its key, with its token. Raises RowNotFoundError, which has the token too."""
        return await self._measured("row", view, self._views.get(view, key, wish, context=context))

    async def get_as_of(self, view: type[V], key: Any, at: Moment, *, context: Context | None = None) -> Answer[V]:
        """One row as of a moment, with that moment's token. As PastAnswers.get."""
        return await self._measured("past", view, self._past.get(view, key, at, context=context))

    async def mark_of(self, moment: Moment) -> Mark:
        """Which place of the log a moment is. As PastAnswers.mark."""
        return await self._past.mark(moment)

    async def find(
        self, search: FindRows, wish: Wish = ANYTIME, *, context: Context | None = None
    ) -> Answer[Page[Any]]:
        """A page of rows, with its token."""
        return await self._measured("rows", search.view, self._views.find(search, wish, context=context))

    async def count(self, search: CountRows, wish: Wish = ANYTIME, *, context: Context | None = None) -> Answer[int]:
        """How many rows pass, with its token."""
        return await self._measured("count", search.view, self._views.count(search, wish, context=context))

    def rows(self, view: type[V]) -> Rows[V]:
        """Typed access to the rows of *view*."""
        return self._model.rows(view)

    async def wait_for(
        self, views: Sequence[type[View] | str], token: str, wait: float | None, *, missing: int = 0
    ) -> None:
        """Return when *views* have reached *token*. Raises NotFreshError after *wait* seconds.

        A view with a parked row has not; unless nothing from position *missing* on waits for that row.
        """
        names = self.view_names(views)
        await self.freshness.reach(names, await self.freshness.wanted(token), wait=wait, missing=missing)

    def view_names(self, views: Sequence[type[View] | str]) -> list[str]:
        """The names of *views*. Raises UnknownNameError for one that the app does not have."""
        names = [view if isinstance(view, str) else self._model.definition(view).name for view in views]
        for name in names:
            if name not in self._catalog.views:
                raise UnknownNameError("view", name, tuple(self._catalog.views))
        return names

    def watch(self, ask: Callable[[], Awaitable[Answer[R]]], views: Sequence[str]) -> AsyncIterator[Answer[R]]:
        """What *ask* answers, and again each time that *views* have moved and the answer has changed."""
        return watch(ask, lambda: self.freshness.progresses(views))

    def views_of(self, query: type) -> tuple[str, ...]:
        """The views that answers to this query type depend on."""
        return self._bus.views_of(query)

    async def watch_values(self, query: Query[R], context: Context | None) -> AsyncIterator[R]:
        """The values of `watch` for one query."""

        async def ask() -> Answer[R]:
            return await self.answer(query, context=context)

        async for answer in self.watch(ask, self.views_of(type(query))):
            yield answer.value
