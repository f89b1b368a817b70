"""Questions over HTTP: a query, a row by its key, rows by their fields; each once, or live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twofold.http_api.as_of import moment_of, refuse_moment
from twofold.http_api.door import Door
from twofold.http_api.filters import read_filter
from twofold.http_api.percent import decode_part, decode_query
from twofold.http_api.preferences import preferences, wants_live
from twofold.http_api.question import Question, encode_answer
from twofold.http_api.request import Request
from twofold.http_api.response import Answerable, Response, json_response
from twofold.pipeline.context import Context
from twofold.read.answer import ANYTIME, Answer, Wish
from twofold.read.view import ViewDefinition
from twofold.read.view_answers import FindRows


class ReadEndpoint:
    """A GET that answers once, or as server-sent events when the client accepts those.

    Args:
        door: the door it is an endpoint of.
        question: from the request to what it asks. Raises what is wrong with it.
    """

    def __init__(self, door: Door, question: Callable[[Request], Question]) -> None:
        self._door = door
        self._question = question

    async def __call__(self, request: Request) -> Answerable:
        """Answer the request."""
        door = self._door
        context = await door.context(request) if door.knows_more(request) else None
        refuse_moment(request)
        question = self._question(request)
        if wants_live(request):
            return await door.live.start(door.app.reads, request, question, context)
        return answer_response(await question.ask(wish_of(request), context))


class RowEndpoint:
    """`GET /views/{View}/{key}`, the hot path: as ReadEndpoint, but with no question made unless it is live."""

    def __init__(self, door: Door, definition: ViewDefinition[Any]) -> None:
        self._door = door
        self._get = door.app.reads.get
        self._get_as_of = door.app.reads.get_as_of
        self._view = definition.view
        self._views = (definition.name,)
        self._is_composite = len(definition.table.key) > 1

    async def __call__(self, request: Request) -> Answerable:
        """Answer the request."""
        door = self._door
        context = await door.context(request) if door.knows_more(request) else None
        (part,) = request.parts
        key = tuple(map(decode_part, part.split(","))) if self._is_composite else decode_part(part)
        at = moment_of(request)
        if at is not None:
            return answer_response(await self._get_as_of(self._view, key, at, context=context))
        if wants_live(request):
            question = Question(partial(self._ask, key), self._views)
            return await door.live.start(door.app.reads, request, question, context)
        return answer_response(await self._get(self._view, key, wish_of(request), context=context))

    async def _ask(self, key: Any, wish: Wish, context: Context | None) -> Answer[Any]:
        return await self._get(self._view, key, wish, context=context)


def answer_response(answer: Answer[Any]) -> Response:
    """*answer* as JSON, with its token."""
    return json_response(encode_answer(answer.value), answer.token, stale=answer.stale)


def wish_of(request: Request) -> Wish:
    """How new the answer has to be: `Twofold-After` and `Prefer`."""
    if b"twofold-after" not in request.headers:
        return ANYTIME
    asked = preferences(request)
    return Wish(request.text(b"twofold-after"), asked.wait, asked.stale_ok)


def query_question(door: Door, query: type, read: Callable[[Request], Any]) -> Callable[[Request], Question]:
    """Questions of one query type; *read* makes the query from the request."""
    reads = door.app.reads
    views = reads.views_of(query)

    def question(request: Request) -> Question:
        asked = read(request)
        return Question(lambda wish, context: reads.answer(asked, wish, context=context), views)

    return question


def rows_question(door: Door, definition: ViewDefinition[Any]) -> Callable[[Request], Question]:
    """Questions for the rows of a view, by the filters in the query string."""
    reads, view, views = door.app.reads, definition.view, (definition.name,)

    def question(request: Request) -> Question:
        found = read_filter(definition, decode_query(request.query_string))
        search = FindRows(view, found.conditions, found.order_by, found.limit, found.cursor)
        return Question(lambda wish, context: reads.find(search, wish, context=context), views)

    return question
