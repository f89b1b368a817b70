"""Questions are counted by what was asked and what came of it."""

from __future__ import annotations

import pytest

from tests.unit.app.measured.readings import values
from tests.unit.read.accounts import Page
from twofold.app.measured.queries import Kind, QueryMeasures
from twofold.errors import NotFreshError, RowNotFoundError
from twofold.messages.message import Query


class Richest(Query[int]):
    at_least: int = 0


async def answering(answer: int | Exception) -> int:
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize(("kind", "asked"), [("row", Page), ("past", Page), ("rows", Page), ("query", Richest)])
async def test_questions_are_told_apart_by_kind_and_name(kind: Kind, asked: type) -> None:
    measures = QueryMeasures()

    assert [await measures.timed(kind, asked, answering(42)) for _ in range(2)] == [42, 42]

    assert values(measures.families(), "twofold_queries") == {(kind, asked.__name__, "answered", ""): 2}
    assert values(measures.families(), "twofold_query_duration_seconds") == {(kind, asked.__name__): 2}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RowNotFoundError("Page", "a"), ("answered", "not-found")),
        (NotFreshError("Page", 1, 2), ("refused", "not-fresh")),
        (ZeroDivisionError(), ("failed", "internal")),
    ],
)
async def test_a_row_that_is_not_there_is_an_answer_and_a_bug_is_not(
    error: Exception, outcome: tuple[str, str]
) -> None:
    measures = QueryMeasures()

    with pytest.raises(type(error)):
        await measures.timed("query", Richest, answering(error))

    assert values(measures.families(), "twofold_queries") == {("query", "Richest", *outcome): 1}


async def test_what_took_long_because_it_is_about_the_past_is_no_slow_answer() -> None:
    measures = QueryMeasures()
    assert measures.counts() == []

    await measures.timed("past", Page, answering(1))
    await measures.timed("row", Page, answering(1))

    assert sum(measures.counts()) == 1
