"""Answers as of a moment of the past, for callers outside: through the middlewares, like every other question."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar, cast

from twofold.clock import to_micros
from twofold.errors import MomentUnknownError, RowNotFoundError
from twofold.event_store.moment import Moment, position_at
from twofold.event_store.recorded_event import Mark
from twofold.event_store.store import EventStore
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import surround
from twofold.read.answer import Answer, ReadModel, token_of
from twofold.read.past import Past
from twofold.read.view import View
from twofold.read.view_answers import GetRow

V = TypeVar("V", bound=View)


class PastAnswers:
    """Rows as they were. The rows that a store keeps are not looked at, nor how far they are."""

    def __init__(self, model: ReadModel, events: EventStore, past: Past) -> None:
        self._model, self._events, self._past = model, events, past

    async def mark(self, moment: Moment) -> Mark:
        """The mark of the last event at that moment: a position, an aware datetime, or a token.

        A time that the log has not reached is its head; before the first event everything is at position 0.
        Raises MomentUnknownError for a position ahead of the log and for a time without a zone, TokenUnknownError.
        """
        if isinstance(moment, str):
            return await self._model.freshness.wanted(moment)
        if isinstance(moment, datetime):
            if moment.utcoffset() is None:
                raise MomentUnknownError(f"{moment.isoformat()} has no zone; write it as {moment.isoformat()}Z")
            return await self._events.mark(await position_at(self._events, to_micros(moment)))
        head = (await self._events.mark()).position
        if isinstance(moment, bool) or not 0 <= moment <= head:
            raise MomentUnknownError(f"the log is at position {head}; it has no position {moment!r}")
        return await self._events.mark(moment)

    async def get(self, view: type[V], key: Any, at: Moment, *, context: Context | None = None) -> Answer[V]:
        """The row with this key as of *at*, folded from the log. Raises RowNotFoundError with the token, and as
        `mark` and `Past.row` do.
        """

        async def endpoint(message: GetRow, _: Context) -> Answer[Any]:
            return await self._get(message.view, message.key, at)

        message = GetRow(view, key, at)
        return cast("Answer[V]", await surround(endpoint, self._model.middlewares)(message, context or Context()))

    async def _get(self, view: type[V], key: Any, at: Moment) -> Answer[V]:
        definition = self._model.definition(view)
        stored = definition.asked_key(key)
        mark = await self.mark(at)
        row = await self._past.row(definition, stored, mark.position)
        if row is None:
            raise RowNotFoundError(definition.name, key, token_of(mark))
        return Answer(row, token_of(mark))
