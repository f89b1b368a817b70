"""A query goes to the one function that answers it; what is wired wrongly is said in sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.read.reading import Reading
from twofold.errors import ForbiddenError, UnknownNameError
from twofold.event_store.token import encode_token
from twofold.messages.folding import evolves
from twofold.messages.message import Event, Query
from twofold.pipeline.authorisation import authorising
from twofold.pipeline.context import Context
from twofold.read.answer import Answer, ReadModel, Wish
from twofold.read.answers import answer_faults, answers, define_answer
from twofold.read.cache import QueryCache
from twofold.read.projector import ViewProjector
from twofold.read.query_bus import QueryBus
from twofold.read.rows import Rows
from twofold.read.view import View
from twofold.read.view_answers import FindRows, GetRow, ViewAnswers
from twofold.read.watch import watch
from twofold.testing.clock import ManualClock


class Sold(Event):
    product: str
    amount: int


class Product(View, key="product"):
    product: str
    sold: int = 0

    @evolves
    def sold_some(self, event: Sold) -> None:
        self.sold += event.amount


class Sale(View, key="sale_id"):
    sale_id: str
    amount: int = 0

    @evolves
    def sold_some(self, event: Sold) -> None:
        self.amount = event.amount


class Best(Query[list[Product]]):
    at_least: int = 0


class Total(Query[int]):
    pass


class Whoami(Query[str]):
    pass


class Client:
    name = "client"


CALLS: list[str] = []


@answers
async def best(query: Best, products: Rows[Product]) -> list[Product]:
    return await products.find(products.c.sold >= query.at_least, order_by="-sold")


@answers(cache=True)
async def total(_query: Total, products: Rows[Product], sales: Rows[Sale]) -> int:
    CALLS.append("total")
    return len(await products.find()) + await sales.count()


@answers(reads=[Product])
async def whoami(_query: Whoami, context: Context, client: Client) -> str:
    return f"{context.principal} by {client.name}"


KEYS: dict[type, str] = {Sold: "sale_id"}
ALL = [define_answer(function) for function in (best, total, whoami)]


@pytest.fixture
def projectors(reading: Reading) -> list[ViewProjector]:
    CALLS.clear()
    return [reading.projector(Product), reading.projector(Sale, keys=KEYS)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def bus_over(model: ReadModel, clock: ManualClock) -> QueryBus:
    return QueryBus(ALL, model, resources={Client: Client()}, cache=QueryCache(clock))


async def sell(reading: Reading, product: str = "tea", amount: int = 1) -> str:
    await reading.append("Sale-1", Sold(product=product, amount=amount))
    return encode_token(await reading.source.mark())


async def test_a_query_is_answered_from_rows(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    bus = bus_over(reading.model(*projectors), clock)
    await sell(reading, "tea", 2)
    token = await sell(reading, "jam", 5)
    await projectors[0].step()

    answer = await bus.answer(Best(at_least=2), Wish(token))

    assert [row.product for row in answer.value] == ["jam", "tea"]
    assert (answer.token, answer.stale) == (token, False)


async def test_an_answer_is_as_old_as_the_oldest_view_it_read(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    bus = bus_over(reading.model(*projectors), clock)
    old = await sell(reading)
    await projectors[1].step()
    new = await sell(reading)
    await projectors[0].step()

    assert (await bus.answer(Total())).token == old
    asking = asyncio.ensure_future(bus.answer(Total(), Wish(new)))
    await asyncio.sleep(0)
    await projectors[1].step()
    assert (await asking).token == new


async def test_context_and_clients_are_injected_by_annotation(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    bus = bus_over(reading.model(*projectors), clock)
    token = await sell(reading)
    await projectors[0].step()

    answer = await bus.answer(Whoami(), context=Context(principal="ada"))

    assert (answer.value, answer.token) == ("ada by client", token)


async def test_a_query_that_nobody_answers_is_an_unknown_name(
    reading: Reading, projectors: list[ViewProjector]
) -> None:
    with pytest.raises(UnknownNameError, match="Best"):
        await QueryBus([], reading.model(*projectors)).answer(Best())


async def test_a_view_that_is_not_in_the_app_is_an_unknown_name(reading: Reading) -> None:
    with pytest.raises(UnknownNameError, match="Product"):
        await ViewAnswers(reading.model()).get(Product, "tea")


async def test_middlewares_surround_queries_and_rows_alike(reading: Reading, projectors: list[ViewProjector]) -> None:
    seen: list[Any] = []

    async def audit(message: Any, context: Context, call_next: Callable[..., Awaitable[Any]]) -> Any:
        seen.append(message)
        return await call_next(message, context)

    guard = authorising(lambda _, context: context.principal == "ada")
    model = reading.model(*projectors)._replace(middlewares=[audit, guard])
    bus, views = QueryBus(ALL, model), ViewAnswers(model)
    await sell(reading)
    await projectors[0].step()

    for ask in (bus.answer(Best()), views.get(Product, "tea"), views.find(FindRows(Product))):
        with pytest.raises(ForbiddenError):
            await ask
    await views.get(Product, "tea", context=Context(principal="ada"))

    assert seen == [Best(), GetRow(Product, "tea"), FindRows(Product), GetRow(Product, "tea")]


# --- wiring -------------------------------------------------------------------------------


def unmarked(query: Best) -> None: ...


@answers  # type: ignore[type-var] # a planted mistake
def not_async(query: Best) -> None: ...


@answers
async def takes_nothing() -> None: ...


@answers
async def takes_anything(query: Best, more) -> None: ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (unmarked, "not marked"),
        (not_async, "must be an async function"),
        (takes_nothing, "first parameter"),
        (takes_anything, "more must be annotated"),
    ],
)
def test_planted_mistake_in_an_answer_is_found(function: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        define_answer(function)


@answers
async def best_again(_query: Best, _thing: int) -> list[Product]:
    return []


def test_planted_wiring_faults_are_told_together() -> None:
    definitions = [define_answer(function) for function in (best, best_again, total)]

    faults = answer_faults(definitions, queries=[Best, Whoami], views=[Product])

    assert faults == [
        "best_again: nothing can be injected for _thing: <class 'int'>",
        "total reads the view Sale, which is not in the app",
        "query Best is answered twice: best, best_again",
        "nobody answers the query Whoami",
    ]
    assert answer_faults(ALL, queries=[Best, Total, Whoami], views=[Product, Sale], resources=[Client]) == []


# --- cache --------------------------------------------------------------------------------


async def test_an_answer_is_used_again_until_its_time_is_up(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    bus = bus_over(reading.model(*projectors), clock)
    for projector in projectors:
        await projector.open()

    first = await bus.answer(Total())
    await sell(reading)
    for projector in projectors:
        await projector.step()
    clock.advance(29)
    again = await bus.answer(Total())
    clock.advance(2)
    later = await bus.answer(Total())

    assert (first, again) == (Answer(0, first.token), first)
    assert (later.value, len(CALLS)) == (2, 2)


async def test_a_kept_answer_is_passed_over_when_a_newer_one_is_asked_for(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    bus = bus_over(reading.model(*projectors), clock)
    old = await bus.answer(Total())
    token = await sell(reading)
    for projector in projectors:
        await projector.step()

    new = await bus.answer(Total(), Wish(token))
    older_is_fine = await bus.answer(Total(), Wish(old.token))

    assert (old.value, new.value, older_is_fine.value, len(CALLS)) == (0, 2, 2, 2)


async def test_callers_of_other_tenants_and_principals_do_not_share_answers(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    bus = bus_over(reading.model(*projectors), clock)

    for context in (None, Context(principal="ada"), Context(tenant="ada"), Context(principal="ada")):
        await bus.answer(Total(), context=context)

    assert len(CALLS) == 3


def test_a_kept_answer_cannot_be_changed_by_who_gets_it(clock: ManualClock) -> None:
    cache, token = QueryCache(clock), "ZS4wLjAwMDAwMDAwMDAwMDAwMDA"
    value = [1]
    cache.put("key", Answer(value, token))
    value.append(2)
    got = cache.get("key")
    assert got is not None
    got.value.append(3)

    assert cache.get("key") == Answer([1], token)


def test_the_cache_keeps_only_so_many_and_nothing_stale(clock: ManualClock) -> None:
    cache, token = QueryCache(clock, capacity=2), "ZS4wLjAwMDAwMDAwMDAwMDAwMDA"
    for key in "ab":
        cache.put(key, Answer(key, token))
    cache.get("a")
    cache.put("c", Answer("c", token))
    cache.put("d", Answer("d", token, stale=True))

    assert [key for key in "abcd" if cache.get(key)] == ["a", "c"]


# --- watch --------------------------------------------------------------------------------


async def test_watching_yields_again_when_the_answer_changed(
    reading: Reading, projectors: list[ViewProjector], clock: ManualClock
) -> None:
    model = reading.model(*projectors)
    bus = bus_over(model, clock)
    asked: asyncio.Queue[None] = asyncio.Queue()

    async def ask() -> Answer[list[Product]]:
        asked.put_nowait(None)
        return await bus.answer(Best(at_least=3))

    live = watch(ask, lambda: model.freshness.progresses(["Product"]), pause=0, poll=1000)
    first = await anext(live)
    await asked.get()
    coming = asyncio.ensure_future(anext(live))
    for _ in range(2):
        await sell(reading, "tea", 2)
        await projectors[0].step()
        await asked.get()

    assert first.value == []
    assert (await coming).value == [Product(product="tea", sold=4)]
