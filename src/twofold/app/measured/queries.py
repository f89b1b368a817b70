"""Questions, counted by outcome and timed, the wait for a token included."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Iterator
from time import perf_counter
from typing import Literal, TypeVar

from twofold.app.measured.commands import outcome_of
from twofold.errors import NotFoundError
from twofold.messages.declaration import declaration
from twofold.runtime.measures import SECONDS, Family, Histogram, Tally, counter, histogram

T = TypeVar("T")
Kind = Literal["query", "row", "rows", "count", "past"]


class _Question:
    """What has come of one question so far."""

    __slots__ = ("others", "seconds")

    def __init__(self) -> None:
        self.others = Tally(most=50)
        self.seconds = Histogram()


class QueryMeasures:
    """What came of questions. A question is a query, or is put to a view: for a row, rows, their number, the past."""

    def __init__(self) -> None:
        self._asked: dict[tuple[Kind, type], _Question] = {}

    async def timed(self, kind: Kind, asked: type, answering: Awaitable[T]) -> T:
        """What *answering* gives; *asked* is the query or the view."""
        began = perf_counter()
        try:
            answer = await answering
        except BaseException as error:
            self._failed(self._found(kind, asked), perf_counter() - began, error)
            raise
        # This is on the way of every question, so it calls as little as it can.
        taken, found = perf_counter() - began, self._asked.get((kind, asked)) or self._found(kind, asked)
        seconds = found.seconds
        seconds.counts[bisect_left(SECONDS, taken)] += 1
        seconds.sum += taken
        return answer

    def counts(self) -> list[int]:
        """How many questions fell into which bucket of seconds. Those about the past are left out: they take long."""
        found = [each.seconds.counts for (kind, _), each in self._asked.items() if kind != "past"]
        return [sum(bucket) for bucket in zip(*found, strict=True)]

    def families(self) -> Iterator[Family]:
        """What was measured so far."""
        found = {(kind, declaration(asked).name): each for (kind, asked), each in self._asked.items()}
        counts: dict[tuple[str, ...], float] = {}
        for labels, each in found.items():
            counts[*labels, "answered", ""] = sum(each.seconds.counts) - sum(each.others.values())
            counts |= {(*labels, *others): count for others, count in each.others.items()}
        text = "Questions by what came of them; a row that is not there is an answer."
        yield counter("twofold_queries", text, ("kind", "query", "outcome", "code"), counts)
        text = "Seconds from a question to its answer, the wait for a token included."
        seconds: dict[tuple[str, ...], Histogram] = {labels: each.seconds for labels, each in found.items()}
        yield histogram("twofold_query_duration_seconds", text, ("kind", "query"), seconds)

    def _found(self, kind: Kind, asked: type) -> _Question:
        return self._asked.setdefault((kind, asked), _Question())

    def _failed(self, found: _Question, taken: float, error: BaseException) -> None:
        outcome, code = ("answered", error.code) if isinstance(error, NotFoundError) else outcome_of(error)
        found.seconds.observe(taken)
        found.others.add(outcome, code)
