"""Live answers: server-sent events that carry an answer again each time it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from twofold.app.reads import Reads
from twofold.errors import RowNotFoundError
from twofold.http_api.preferences import preferences
from twofold.http_api.problems import problem_of
from twofold.http_api.question import Question, encode_answer
from twofold.http_api.refusals import Header, TooManyRequestsError
from twofold.http_api.request import Receive, Request, Send
from twofold.http_api.response import NO_SNIFF, NO_STORE
from twofold.http_api.settings import HttpSettings
from twofold.pipeline.context import Context
from twofold.read.answer import Answer, Wish

_HEADERS: list[Header] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    NO_STORE,
    NO_SNIFF,
    (b"x-accel-buffering", b"no"),
]
_HEARTBEAT = b":\n\n"
Answers = AsyncIterator[Answer[Any]]


class Missing(NamedTuple):
    """Stands for a row that is not there (yet, or no more)."""

    view: str
    key: Any


class LiveAnswers:
    """The live answers of a door: how many may be open at once, and how all of them end when the server stops."""

    def __init__(self, settings: HttpSettings) -> None:
        self.open = 0
        self.heartbeat = settings.heartbeat
        self._limit = settings.live_limit
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every live answer, so that the server can drain; clients connect again by themselves."""
        self._closing.set()

    async def closed(self) -> None:
        """Return when the server stops."""
        await self._closing.wait()

    async def start(self, reads: Reads, request: Request, question: Question, context: Context | None) -> LiveAnswer:
        """A live answer to *question*, whose first answer is there already.

        Raises TooManyRequestsError, and whatever the question raises.
        """
        if self.open >= self._limit:
            raise TooManyRequestsError(f"{self._limit} live answers are open already")
        self.open += 1
        try:
            seen = request.text(b"last-event-id") or None
            answers = reads.watch(_asking(question, _wish(request, seen), context), question.views)
            return LiveAnswer(self, answers, await anext(answers), seen, partial(_may_lack, reads, question.views))
        except BaseException:
            self.open -= 1
            raise


def _wish(request: Request, seen: str | None) -> Wish:
    """Who resumes waits inside the stream, not before it: an answer older than what was seen is held back there."""
    if seen is not None:
        return Wish(seen, 0.0, stale_ok=True)
    asked = preferences(request)
    return Wish(request.text(b"twofold-after"), asked.wait, asked.stale_ok)


def _asking(question: Question, wish: Wish, context: Context | None) -> Callable[[], Awaitable[Answer[Any]]]:
    async def ask() -> Answer[Any]:
        try:
            return await question.ask(wish, context)
        except RowNotFoundError as error:
            return Answer(Missing(error.view, error.key), error.token or "")

    return ask


class LiveAnswer:
    """One client's stream of events. `id` is the token, `data` the body that a plain GET would have had.

    An event of the type `problem` carries a problem document: with status 404 the row is not there, and the stream
    goes on; with any other it ends.
    """

    def __init__(
        self,
        owner: LiveAnswers,
        answers: Answers,
        first: Answer[Any],
        seen: str | None,
        may_change: Callable[[], bool] = lambda: False,
    ) -> None:
        """*may_change* says whether answers with one token may differ now."""
        self._may_change = may_change
        self._owner = owner
        self._answers = answers
        self._first = first
        self._seen = seen

    async def answer(self, receive: Receive, send: Send, *, head: bool) -> None:
        """Send events until the client goes away or the server stops."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if not head:
                await self._stream(receive, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._owner.open -= 1

    async def _stream(self, receive: Receive, send: Send) -> None:
        ends = {asyncio.ensure_future(_disconnected(receive)), asyncio.ensure_future(self._owner.closed())}
        upcoming = asyncio.ensure_future(_ready(self._first))
        try:
            while not any(end.done() for end in ends):
                await asyncio.wait({upcoming, *ends}, timeout=self._owner.heartbeat, return_when="FIRST_COMPLETED")
                event, is_last = self._event(upcoming)
                if event:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                if is_last:
                    return
                if upcoming.done():
                    upcoming = asyncio.ensure_future(_following(self._answers))
        finally:
            await _cancelled({upcoming, *ends})

    def _event(self, upcoming: asyncio.Future[Answer[Any]]) -> tuple[bytes, bool]:
        """What to send now, and whether it is the last thing: after silence a heartbeat, else the next answer."""
        if not upcoming.done():
            return _HEARTBEAT, False
        error = upcoming.exception()
        if isinstance(error, Exception):
            return _problem_event(error), True
        answer = upcoming.result()
        if answer.stale and self._seen is not None:
            return b"", False
        is_known = answer.token == self._seen and not self._may_change()
        return b"" if is_known else _answer_event(answer), False


def _may_lack(reads: Reads, views: Sequence[str]) -> bool:
    """While a row is parked, answers are as of before it failed, whatever else they have."""
    return reads.freshness.lacking(views) is not None


async def _ready(answer: Answer[Any]) -> Answer[Any]:
    return answer


async def _following(answers: Answers) -> Answer[Any]:
    return await anext(answers)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(tasks: set[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _answer_event(answer: Answer[Any]) -> bytes:
    lines = b"id: %b\n" % answer.token.encode("latin-1")
    if isinstance(answer.value, Missing):
        return lines + _problem_event(RowNotFoundError(answer.value.view, answer.value.key, answer.token))
    return lines + b"data: %b\n\n" % encode_answer(answer.value)


def _problem_event(error: Exception) -> bytes:
    return b"event: problem\ndata: %b\n\n" % problem_of(error).body
