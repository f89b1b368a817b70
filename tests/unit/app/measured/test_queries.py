"""Questions are counted by what was asked and what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.app.measured.readings import values
from tests.unit.read.accounts import Page
from twofold.app.measured.queries import QueryMeasures
from twofold.errors import NotFreshError, RowNotFoundError
from twofold.messages.message import Query
from twofold.pipeline.context import Context
from twofold.read.view_answers import CountRows, FindRows, GetRow


class Richest(Query[int]):
    at_least: int = 0


@pytest.mark.parametrize(
    ("question", "labels"),
    [
        (GetRow(Page, "a"), ("row", "Page")),
        (GetRow(Page, "a", at=7), ("past", "Page")),
        (FindRows(Page), ("rows", "Page")),
        (CountRows(Page), ("count", "Page")),
        (Richest(), ("query", "Richest")),
    ],
)
async def test_questions_are_told_apart_by_kind_and_name(question: Any, labels: tuple[str, str]) -> None:
    measures = QueryMeasures()

    assert await measures.around(question, Context(), _answering("answer")) == "answer"

    assert values(measures.families(), "twofold_queries") == {(*labels, "answered", ""): 1}
    assert values(measures.families(), "twofold_query_duration_seconds") == {labels: 1}


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
        await measures.around(Richest(), Context(), _answering(error))

    assert values(measures.families(), "twofold_queries") == {("query", "Richest", *outcome): 1}


def _answering(answer: Any) -> Any:
    async def endpoint(question: Any, context: Context) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return endpoint
