"""`scenario(...)`: tests of business code in its own words, without a store, a loop or a clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from twofold.read.view import View
from twofold.testing.aggregate_scenario import AggregateScenario
from twofold.testing.query_scenario import QueryScenario
from twofold.testing.view_scenario import ViewScenario
from twofold.write.aggregate import Aggregate

A = TypeVar("A", bound=Aggregate)
V = TypeVar("V", bound=View)


@overload
def scenario(subject: type[A], /) -> AggregateScenario[A]: ...
@overload
def scenario(subject: type[V], /) -> ViewScenario[V]: ...
@overload
def scenario(subject: Callable[..., Awaitable[Any]], /) -> QueryScenario: ...
def scenario(subject: Any, /) -> Any:
    """Start a scenario of an aggregate class, a view class, or a function marked with `@answers`.

    `scenario(Account).given(AccountOpened(...)).when(Deposit(...)).then(MoneyDeposited(...))`,
    `scenario(AccountPage).given(AccountOpened(...), of="ada").then_row("ada", owner="Ada")`,
    `await scenario(richest).given(AccountPage(...)).when(Richest(...)).then([...])`.

    Every message, state and row passes through its stored form on the way, so each test also proves that it survives
    storage. Raises TypeError for anything else.
    """
    if isinstance(subject, type) and issubclass(subject, Aggregate):
        return AggregateScenario(subject)
    if isinstance(subject, type) and issubclass(subject, View):
        return ViewScenario(subject)
    if callable(subject) and not isinstance(subject, type):
        return QueryScenario(subject)
    raise TypeError(f"{subject!r} is no aggregate, no view, and no function that answers queries")
