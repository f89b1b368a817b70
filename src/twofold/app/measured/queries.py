"""Questions, counted by outcome and timed, the wait for a token included."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from twofold.app.measured.commands import outcome_of
from twofold.errors import NotFoundError
from twofold.messages.declaration import declaration
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Endpoint
from twofold.read.view_answers import CountRows, FindRows, GetRow
from twofold.runtime.measures import Family, Histogram, Tally, counter, histogram

_KINDS: dict[type, str] = {FindRows: "rows", CountRows: "count"}


class QueryMeasures:
    """What came of questions. A question is a query, or is put to a view: for a row, rows, their number, the past."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, ...], Histogram] = {}
        self._outcomes = Tally()

    async def around(self, question: Any, context: Context, call_next: Endpoint) -> Any:
        """A middleware that measures; put it outermost."""
        began = perf_counter()
        outcome, code = "answered", ""
        try:
            return await call_next(question, context)
        except NotFoundError as error:
            code = error.code
            raise
        except BaseException as error:
            outcome, code = outcome_of(error)
            raise
        finally:
            self._note(_labels(question), outcome, code, perf_counter() - began)

    def counts(self) -> list[int]:
        """How many questions fell into which bucket of seconds. Those about the past are left out: they take long."""
        found = [each.counts for (kind, *_), each in self._seconds.items() if kind != "past"]
        return [sum(bucket) for bucket in zip(*found, strict=True)]

    def families(self) -> Iterator[Family]:
        """What was measured so far."""
        text = "Questions by what came of them; a row that is not there is an answer."
        yield counter("twofold_queries", text, ("kind", "query", "outcome", "code"), {**self._outcomes})
        text = "Seconds from a question to its answer, the wait for a token included."
        yield histogram("twofold_query_duration_seconds", text, ("kind", "query"), self._seconds)

    def _note(self, asked: tuple[str, str], outcome: str, code: str, seconds: float) -> None:
        found = self._seconds.get(asked)
        if found is None:
            found = self._seconds[asked] = Histogram()
        found.observe(seconds)
        self._outcomes.add(*asked, outcome, code)


def _labels(question: Any) -> tuple[str, str]:
    if isinstance(question, GetRow):
        return "row" if question.at is None else "past", declaration(question.view).name
    kind = _KINDS.get(type(question))
    return (kind, declaration(question.view).name) if kind is not None else ("query", declaration(type(question)).name)
