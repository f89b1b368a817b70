"""Questions over HTTP: a query, a row by its key, rows by their fields; each once, or live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twofold.http_api.door import Door
from twofold.http_api.filters import read_filter
from twofold.http_api.percent import decode_part, decode_query
from twofold.http_api.preferences import preferences, wants_live
from twofold.http_api.question import Question, encode_answer
from twofold.http_api.request import Request
from twofold.http_api.response import Answerable, json_response
from twofold.read.answer import ANYTIME, Wish
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
        question = self._question(request)
        if wants_live(request):
            return await door.live.start(door.app.reads, request, question, context)
        answer = await question.ask(wish_of(request), context)
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


def row_question(door: Door, definition: ViewDefinition[Any]) -> Callable[[Request], Question]:
    """Questions for one row of a view, by the key in the path."""
    reads, view, views = door.app.reads, definition.view, (definition.name,)
    is_composite = len(definition.table.key) > 1

    def question(request: Request) -> Question:
        (part,) = request.parts
        key: Any = decode_part(part)
        if is_composite:
            key = tuple(decode_part(each) for each in part.split(","))
        return Question(lambda wish, context: reads.get(view, key, wish, context=context), views)

    return question


def rows_question(door: Door, definition: ViewDefinition[Any]) -> Callable[[Request], Question]:
    """Questions for the rows of a view, by the filters in the query string."""
    reads, view, views = door.app.reads, definition.view, (definition.name,)

    def question(request: Request) -> Question:
        found = read_filter(definition, decode_query(request.query_string))
        search = FindRows(view, found.conditions, found.order_by, found.limit, found.cursor)
        return Question(lambda wish, context: reads.find(search, wish, context=context), views)

    return question
