"""Middlewares around an endpoint: the first is the outermost, and each may answer itself."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.errors import ForbiddenError
from twofold.pipeline.authorisation import authorising
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Endpoint, Middleware, surround


async def endpoint(message: Any, context: Context) -> str:
    return f"{message}"


def adding(name: str) -> Middleware:
    async def add(message: Any, context: Context, call_next: Endpoint) -> Any:
        return f"{name}({await call_next(f'{message}{name}', context)})"

    return add


async def test_the_first_is_the_outermost() -> None:
    chain = surround(endpoint, [adding("a"), adding("b"), adding("c")])

    assert await chain("", Context()) == "a(b(c(abc)))"


async def test_without_middlewares_the_endpoint_is_called_itself() -> None:
    assert surround(endpoint, []) is endpoint


async def test_one_that_does_not_go_on_is_the_answer() -> None:
    async def short(message: Any, context: Context, call_next: Endpoint) -> Any:
        return "short"

    assert await surround(endpoint, [adding("a"), short, adding("c")])("", Context()) == "a(short)"


async def test_one_that_raises_refuses() -> None:
    async def refuse(message: Any, context: Context, call_next: Endpoint) -> Any:
        raise ForbiddenError("no")

    with pytest.raises(ForbiddenError, match="no"):
        await surround(endpoint, [adding("a"), refuse])("", Context())


@pytest.mark.parametrize(
    ("verdict", "passes"), [(True, True), (False, False), (None, False), (1, False), ("yes", False)]
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_only_true_lets_a_message_through(verdict: Any, passes: bool, is_async: bool) -> None:
    async def later() -> Any:
        return verdict

    chain = surround(endpoint, [authorising(lambda *_: later() if is_async else verdict)])

    if passes:
        assert await chain("m", Context()) == "m"
    else:
        with pytest.raises(ForbiddenError, match="an anonymous caller may not use str"):
            await chain("m", Context())


async def test_an_authoriser_with_a_bug_lets_nobody_through() -> None:
    def buggy(message: Any, context: Context) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await surround(endpoint, [authorising(buggy)])("m", Context())
