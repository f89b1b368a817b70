"""The shop with its orders in tables of its own: the same events and views as with aggregates, in one transaction."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import msgspec
import pytest

from examples.shop.app import app, on_tables
from examples.shop.commands import AddProduct, CancelOrder, PayOrder, PlaceOrder, ShipOrder
from examples.shop.lines import NOTHING, OrderLine
from examples.shop.opening import opened_shop
from examples.shop.order import Order
from examples.shop.tables import set_up
from examples.shop.tables.order_tables import tables_on
from examples.shop.tables.set_up import KeptByAggregatesError, set_up_tables
from tests.servers.fixtures import POSTGRES
from twofold import Command, InvalidMessageError, OpenApp, Rejected, UnitOfWork

SEED = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
AT = datetime(2017, 1, 1, 12, 0, tzinfo=UTC)
OWN_SETTINGS = ("TWOFOLD_SEED",)
COMMANDS = 150
AMOUNTS = {"value", "retail_discount", "coupon_discount", "coupon_match_discount", "total", "amount", "refund"}
TABLES = ("users", "orders", "order_items")


@pytest.fixture(autouse=True)
def _without_the_tests_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app takes every TWOFOLD_... for one of its settings."""
    for name in OWN_SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sqlite", POSTGRES])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == POSTGRES:
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
async def shop(url: str) -> AsyncIterator[OpenApp]:
    async with opened_shop(url, "tables", workers=False) as shop:
        yield shop


async def ask(shop: OpenApp, statement: str) -> list[tuple[Any, ...]]:
    """Rows of the team's own tables, or what becomes of a *statement* against them."""
    assert shop.log.transactions is not None
    async with shop.log.transactions.begin(5) as transaction:
        connection = transaction.connection
        if isinstance(connection, apsw.Connection):
            return list(connection.execute(statement).fetchall())
        return [tuple(row) for row in await connection.fetch(statement)]


async def found(shop: OpenApp, order_id: str) -> Order | None:
    """The order as the tables have it."""
    assert shop.log.transactions is not None
    async with shop.log.transactions.begin(5) as transaction:
        return await tables_on(transaction.connection).find(order_id)


async def counts(shop: OpenApp) -> dict[str, int]:
    return {table: (await ask(shop, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}


async def events_of(shop: OpenApp) -> list[tuple[Any, ...]]:
    found = (await shop.log.events.read_log(0, limit=100_000)).events
    return [(event.stream, event.version, event.type, by_value(json.loads(event.data))) for event in found]


def by_value(told: Any) -> Any:
    """JSON with amounts as what they are worth: a table does not keep that somebody wrote 0.00 for 0."""
    if isinstance(told, dict):
        return {name: Decimal(each) if name in AMOUNTS else by_value(each) for name, each in told.items()}
    return [by_value(each) for each in told] if isinstance(told, list) else told


async def rows_of(shop: OpenApp) -> dict[str, list[Any]]:
    await shop.run_until_idle()
    found = {}
    for name, definition in shop.catalog.views.items():
        page = await shop.find(definition.view, limit=1000)
        found[name] = sorted(page, key=repr)
    return found


def line(product: str = "p", quantity: int = 1, value: str = "2.50", **more: Any) -> OrderLine:
    return OrderLine(product_id=product, department="DELI", quantity=quantity, value=Decimal(value), **more)


def place(order_id: str = "1", *lines: OrderLine, **more: Any) -> PlaceOrder:
    standing: dict[str, Any] = {"customer_id": "c", "store_id": "s", "placed_at": AT, "business_day": AT.date()}
    return PlaceOrder(order_id=order_id, lines=lines or (line(),), **(standing | more))


PAY = PayOrder(order_id="1", amount=Decimal("2.50"), paid_at=AT)
CANCEL = CancelOrder(order_id="1", reason="changed-mind", cancelled_at=AT)


# --- both ways are one shop ---------------------------------------------------------------


class Chance:
    """Commands of all kinds, of which many are refused, and for every reason that there is."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def command(self) -> Command:
        make = self._random.choice([self._place, self._place, self._pay, self._pay, self._ship, self._cancel])
        return make(str(self._random.randrange(12)))

    def _place(self, order_id: str) -> Command:
        lines = [self._line() for _ in range(self._random.choice([0, 1, 1, 1, 2, 2, 3]))]
        day = AT.date() + timedelta(days=self._random.choice([0, 0, 0, 0, -1, 2]))
        return place(order_id, *lines, customer_id=self._random.choice("abc"), business_day=day)

    def _line(self) -> OrderLine:
        value = self._random.choice(["2.50"] * 12 + ["0.00", "0.00", "-1.00", "0.001", "99999999.99", "1E+9"])
        quantity = self._random.choice([1, 1, 1, 1, 2, 0, -1, 2**31]) if self._random.random() < 0.3 else 1
        discount = self._random.choice([NOTHING, Decimal("0.40")])
        return line(self._random.choice("pqrst"), quantity, value, coupon_discount=discount)

    def _pay(self, order_id: str) -> Command:
        return PayOrder(order_id=order_id, amount=Decimal(self._random.choice(["2.50", "5.00", "7.5"])), paid_at=AT)

    def _ship(self, order_id: str) -> Command:
        return ShipOrder(order_id=order_id, shipped_at=AT)

    def _cancel(self, order_id: str) -> Command:
        return CancelOrder(order_id=order_id, reason="changed-mind", cancelled_at=AT)


async def answers_of(shop: OpenApp, commands: list[Command]) -> list[tuple[Any, ...]]:
    """What each command's sender was told: the version it made, or why not."""
    answers: list[tuple[Any, ...]] = []
    for number, command in enumerate(commands):
        try:
            receipt = await shop.send(command, key=str(number))
            answers.append((receipt.stream, receipt.version))
        except Rejected as rejection:
            answers.append((type(rejection), rejection.code, str(rejection)))
    return answers


async def test_the_same_commands_give_the_same_answers_events_and_views_both_ways(shop: OpenApp) -> None:
    print(f"TWOFOLD_SEED={SEED}")
    chance = Chance(SEED)
    commands = [chance.command() for _ in range(COMMANDS)]
    async with app.open("memory://", workers=False) as other:
        expected = await answers_of(other, commands)

        assert await answers_of(shop, commands) == expected

        assert await answers_of(shop, commands) == expected, "asked again"
        assert await events_of(shop) == await events_of(other)
        rows = await rows_of(shop)
        assert rows == await rows_of(other)
        assert len(rows["OrderPage"]) > 3
        assert len({answer[1] for answer in expected if isinstance(answer[0], type)}) > 5


@pytest.mark.parametrize("planted", ["publishes nothing", "publishes another amount"])
async def test_planted_handlers_that_tell_the_log_something_else_are_found(
    shop: OpenApp, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    publish = UnitOfWork.publish

    def wrong(self: UnitOfWork, category: str, key: Any, event: Any) -> None:
        if planted == "publishes another amount":
            publish(self, category, key, msgspec.structs.replace(event, total=event.total + 1))

    async with app.open("memory://", workers=False) as other:
        await other.send(place())
        monkeypatch.setattr(UnitOfWork, "publish", wrong)
        await shop.send(place())

        assert await events_of(shop) != await events_of(other)
        assert await rows_of(shop) != await rows_of(other)


async def test_rows_and_events_tell_the_same_of_every_order(url: str, shop: OpenApp) -> None:
    """The state that aggregates fold from the log is the one that the tables hold, line for line."""
    print(f"TWOFOLD_SEED={SEED}")
    chance = Chance(SEED)
    await answers_of(shop, [chance.command() for _ in range(COMMANDS)])
    orders = [row[0] for row in await ask(shop, "SELECT order_id FROM orders")]

    async with app.open(url, workers=False) as folding:
        for order_id in orders:
            assert await folding.load(Order, order_id) == await found(shop, order_id)
        await ask(shop, "UPDATE orders SET status = 'shipped'")

        assert any([await folding.load(Order, each) != await found(shop, each) for each in orders]), "planted"


# --- one transaction ----------------------------------------------------------------------


async def test_a_refused_command_takes_its_rows_back(shop: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.send(place())
    tables = type(tables_on(await connection_of(shop)))
    set_status = tables.set_status

    async def too_early(self: Any, order_id: str, status: str) -> None:
        await set_status(self, order_id, status)
        raise Rejected("sanctioned", "The customer may not")

    monkeypatch.setattr(tables, "set_status", too_early)
    with pytest.raises(Rejected, match="may not"):
        await shop.send(PAY)

    assert await ask(shop, "SELECT status FROM orders") == [("placed",)]
    assert [event[2] for event in await events_of(shop)] == ["OrderPlaced"]
    [refused] = await shop.log.outcomes.recent(status=2)
    assert (refused.outcome.command, refused.outcome.code) == ("PayOrder", "sanctioned")
    monkeypatch.undo()
    await shop.send(PAY)
    assert await ask(shop, "SELECT status FROM orders") == [("paid",)]


async def connection_of(shop: OpenApp) -> Any:
    assert shop.log.transactions is not None
    async with shop.log.transactions.begin(5) as transaction:
        return transaction.connection


async def test_an_event_that_cannot_be_published_takes_the_rows_back(shop: OpenApp, monkeypatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(UnitOfWork, "publish", fail)
    with pytest.raises(ZeroDivisionError):
        await shop.send(place())

    assert await counts(shop) == dict.fromkeys(TABLES, 0)
    assert await events_of(shop) == []


TOO_LONG = {"nothing": place(""), "number": place("x" * 101), "customer": place(customer_id="x" * 10_000)}


@pytest.mark.parametrize("wrong", TOO_LONG.values(), ids=TOO_LONG)
async def test_what_is_too_long_for_a_key_is_refused_and_leaves_no_row(shop: OpenApp, wrong: PlaceOrder) -> None:
    with pytest.raises(InvalidMessageError, match="length"):
        await shop.send(wrong)

    assert await counts(shop) == dict.fromkeys(TABLES, 0)


async def test_of_many_orders_at_once_with_one_number_one_is_kept(shop: OpenApp) -> None:
    sending = [shop.send(place("1", line(str(n)), customer_id=str(n))) for n in range(6)]

    told = await asyncio.gather(*sending, return_exceptions=True)

    assert sorted(type(each).__name__ for each in told) == ["AlreadyExistsError"] * 5 + ["Receipt"]
    assert await counts(shop) == dict.fromkeys(TABLES, 1)


async def test_an_order_is_paid_once_however_many_try_at_once(shop: OpenApp) -> None:
    await shop.send(place())

    told = await asyncio.gather(*[shop.send(PAY) for _ in range(6)], return_exceptions=True)

    assert sum(not isinstance(each, Exception) for each in told) == 1
    assert [event[2] for event in await events_of(shop)] == ["OrderPlaced", "OrderPaid"]


# --- the tables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM users",
        "DELETE FROM orders",
        "UPDATE orders SET user_id = 'nobody'",
        "UPDATE order_items SET order_id = 'none'",
        "UPDATE orders SET status = 'lost'",
        "UPDATE orders SET total = 0",
        "UPDATE order_items SET qty = -1",
        "UPDATE order_items SET product_id = 'p'",
    ],
)
async def test_the_tables_hold_their_keys_and_rules(shop: OpenApp, statement: str) -> None:
    await shop.send(place("1", line("p"), line("q")))
    before = await counts(shop)

    with pytest.raises((apsw.ConstraintError, asyncpg.IntegrityConstraintViolationError)):
        await ask(shop, statement)

    assert await counts(shop) == before


async def test_a_customer_has_one_row_however_many_orders(shop: OpenApp) -> None:
    for number in range(3):
        await shop.send(place(str(number), line("p"), line("q", value="0.05")))

    assert await counts(shop) == {"users": 1, "orders": 3, "order_items": 6}


async def test_amounts_are_exact_to_the_cent(shop: OpenApp) -> None:
    largest = Decimal("99999999.99")
    await shop.send(place("1", line("p", 2**31 - 1, str(largest))))
    await shop.send(place("2", *[line(str(n), value="0.10") for n in range(3)]))

    one, two = await found(shop, "1"), await found(shop, "2")
    assert one is not None
    assert two is not None
    assert (one.total, two.total) == (largest, Decimal("0.30"))
    assert [each.product_id for each in two.lines] == ["0", "1", "2"]


async def test_making_the_tables_again_changes_nothing(url: str, shop: OpenApp) -> None:
    await shop.send(place())

    await asyncio.gather(*[set_up_tables(shop) for _ in range(4)])

    assert await counts(shop) == dict.fromkeys(TABLES, 1)


async def test_a_store_whose_orders_aggregates_kept_is_refused_in_words(url: str) -> None:
    async with app.open(url, workers=False) as shop:
        await shop.send(place())

    with pytest.raises(KeptByAggregatesError, match="order 1 is in this store's log"):
        async with opened_shop(url, "tables", workers=False):
            pass

    async with on_tables.open(url, workers=False) as shop:
        with pytest.raises((apsw.SQLError, asyncpg.UndefinedTableError)):
            await counts(shop)


async def test_products_stay_aggregates(shop: OpenApp) -> None:
    add = AddProduct(product_id="p", department="DELI", brand="Own", manufacturer_id="1")

    await shop.send(add)
    with pytest.raises(Rejected, match="exists"):
        await shop.send(add)

    assert [event[2] for event in await events_of(shop)] == ["ProductAdded"]


def test_the_program_makes_the_tables_and_says_what_is_wrong(url: str, capsys) -> None:
    assert set_up.main(["--store", url]) == 0
    assert set_up.main(["--store", "mysql://somewhere"]) == 1

    assert "names no store" in capsys.readouterr().err
