from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from examples.shop.baskets import Basket, BasketLine, cents
from examples.shop.commands import AddProduct, CancelOrder, PayOrder, PlaceOrder, ShipOrder
from examples.shop.customer_dashboard import RECENT, CustomerDashboard
from examples.shop.events import OrderCancelled, OrderPaid, OrderPlaced, OrderShipped, ProductAdded
from examples.shop.journey import journey
from examples.shop.lines import OrderLine, total_of
from examples.shop.order import Order
from examples.shop.order_page import OrderPage
from examples.shop.product import Product
from examples.shop.product_text import ProductText
from examples.shop.queries import (
    Revenue,
    RevenueBetween,
    SearchProducts,
    SummaryOfCustomer,
    TopProducts,
    revenue_between,
    search_products,
    summary_of_customer,
    top_products,
)
from examples.shop.sales import DailyRevenue, ProductSales
from twofold import RowNotFoundError
from twofold.testing import scenario

AT = datetime(2017, 1, 1, 23, 30, tzinfo=UTC)
DAY = date(2017, 1, 1)


def line(product: str = "p", quantity: int = 1, value: str = "2.50", department: str = "DELI") -> OrderLine:
    return OrderLine(product_id=product, department=department, quantity=quantity, value=Decimal(value))


def place(*lines: OrderLine, day: date = DAY) -> PlaceOrder:
    return PlaceOrder(order_id="1", customer_id="c", store_id="s", placed_at=AT, business_day=day, lines=lines)


def placed(*lines: OrderLine, order_id: str = "1") -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        customer_id="c",
        store_id="s",
        placed_at=AT,
        business_day=DAY,
        lines=lines,
        total=total_of(lines),
    )


def cancelled(*lines: OrderLine, refund: str = "0") -> OrderCancelled:
    return OrderCancelled(
        order_id="1",
        customer_id="c",
        business_day=DAY,
        lines=lines,
        total=total_of(lines),
        refund=Decimal(refund),
        reason="changed-mind",
        cancelled_at=AT,
    )


PAID = OrderPaid(order_id="1", customer_id="c", amount=Decimal("2.50"), paid_at=AT)
SHIPPED = OrderShipped(order_id="1", customer_id="c", shipped_at=AT)
PAY = PayOrder(order_id="1", amount=Decimal("2.50"), paid_at=AT)
SHIP = ShipOrder(order_id="1", shipped_at=AT)
CANCEL = CancelOrder(order_id="1", reason="changed-mind", cancelled_at=AT)


# --- orders -------------------------------------------------------------------------------


def test_an_order_is_placed_with_the_total_of_its_lines():
    lines = (line("a"), line("b", value="0.05"), line("free", value="0"), line("loose", quantity=0))

    scenario(Order).when(place(*lines)).then(placed(*lines))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "order-empty"),
        ((line("a"), line("a")), "line-repeated"),
        ((line(quantity=-1),), "line-negative"),
        ((line(value="-0.01"), line("b")), "line-negative"),
        ((msgspec.structs.replace(line(), coupon_discount=Decimal(-1)),), "line-negative"),
        ((line(value="0.001"),), "line-not-in-cents"),
        ((line(value="0"), line("b", value="0.00")), "order-without-value"),
        ((line(value="100000000"),), "line-too-large"),
        ((line(quantity=2**31),), "line-too-large"),
        ((line(value="99999999.99"), line("b", value="0.01")), "order-too-large"),
    ],
)
def test_an_order_with_wrong_lines_is_refused(lines: tuple[OrderLine, ...], code: str):
    scenario(Order).when(place(*lines)).then_rejected(code)


@pytest.mark.parametrize(("day", "fits"), [(2, True), (1, True), (3, False)])
def test_the_business_day_is_at_most_a_day_off(day: int, fits: bool):
    decided = scenario(Order).when(place(line(), day=date(2017, 1, day)))

    assert (decided.rejection is None) is fits


def test_an_order_is_paid_then_shipped_and_then_left_alone():
    order = scenario(Order).given(placed(line())).when(PAY).then(PAID).when(SHIP).then(SHIPPED)

    order.when(CANCEL).then_rejected("order-already-shipped")
    order.when(SHIP).then_rejected("order-already-shipped")
    order.when(PAY).then_rejected("order-already-shipped")


def test_only_the_total_is_taken_for_payment():
    short = PayOrder(order_id="1", amount=Decimal("2.49"), paid_at=AT)

    scenario(Order).given(placed(line())).when(short).then_rejected("amount-not-total")


def test_an_order_is_not_shipped_before_it_is_paid():
    scenario(Order).given(placed(line())).when(SHIP).then_rejected("order-not-paid")


def test_a_cancelled_order_gives_back_what_was_paid():
    order = scenario(Order).given(placed(line()), PAID).when(CANCEL).then(cancelled(line(), refund="2.50"))

    order.when(CANCEL).then_rejected("order-already-cancelled")
    order.when(SHIP).then_rejected("order-already-cancelled")


def test_an_unpaid_order_is_cancelled_without_a_refund():
    scenario(Order).given(placed(line())).when(CANCEL).then(cancelled(line()))


# --- views --------------------------------------------------------------------------------


def test_an_order_page_shows_how_far_the_order_has_come():
    page = scenario(OrderPage).given(placed(line(), line("free", value="0")), PAID, SHIPPED)

    page.then_row("1", status="shipped", zero_lines=1, total=Decimal("2.50"), paid_at=AT, shipped_at=AT)


def test_a_dashboard_keeps_the_latest_orders_newest_first():
    events = [placed(line(), order_id=str(number)) for number in range(RECENT + 2)]

    row = scenario(CustomerDashboard).given(*events).row("c")

    assert row is not None
    assert [order.order_id for order in row.recent] == [str(number) for number in range(RECENT + 1, 1, -1)]
    assert (row.orders, row.placed_total) == (12, Decimal("30.00"))


def test_a_dashboard_tells_cancelled_orders_apart():
    dashboard = scenario(CustomerDashboard).given(placed(line()), PAID, cancelled(line(), refund="2.50"))

    dashboard.then_row("c", orders=1, placed_total=Decimal("2.50"), cancelled_orders=1, cancelled_total=Decimal("2.50"))
    row = dashboard.row("c")
    assert row is not None
    assert (row.refunded_total, row.recent[0].status) == (Decimal("2.50"), "cancelled")


def test_each_product_of_an_order_has_its_sales():
    sales = scenario(ProductSales).given(
        placed(line("a", 2), line("b", 0)), placed(line("a", 1, "1.00")), cancelled(line("a", 1, "1.00"))
    )

    sales.then_row("a", orders=2, units=3, placed_value=Decimal("3.50"), cancelled_value=Decimal("1.00"))
    sales.then_row("b", orders=1, units=0, zero_lines=1, placed_value=Decimal("2.50"), cancelled_units=0)


def test_revenue_is_by_business_day_and_department():
    lines = (line("a"), line("b", value="0"), line("c", value="4", department="FUEL"))
    revenue = scenario(DailyRevenue).given(placed(*lines), placed(line("a")), cancelled(*lines))

    revenue.then_row((DAY, "DELI"), orders=2, lines=3, zero_lines=1, placed=Decimal("5.00"), cancelled=Decimal("2.50"))
    revenue.then_row((DAY, "FUEL"), orders=1, lines=1, placed=Decimal(4), cancelled=Decimal(4))


def test_a_product_is_searched_by_all_its_words():
    added = ProductAdded(
        product_id="p",
        department="GROCERY",
        brand="Private",
        manufacturer_id="1",
        category="FRZN ICE",
        type="ICE CUBES",
    )

    scenario(ProductText).given(added).then_row("p", text="grocery private frzn ice cubes")


def test_a_product_is_added_once():
    add = AddProduct(product_id="p", department="GROCERY", brand="Private", manufacturer_id="1")
    added = ProductAdded(product_id="p", department="GROCERY", brand="Private", manufacturer_id="1")

    scenario(Product).when(add).then(added).when(add).then_rejected("already-exists")


# --- queries ------------------------------------------------------------------------------


async def test_top_products_can_be_of_one_department():
    first, second, other = (
        ProductSales(product_id=name, department=department, placed_value=Decimal(value))
        for name, department, value in (("a", "DELI", 9), ("b", "DELI", 7), ("c", "FUEL", 8))
    )
    rows = scenario(top_products).given(second, first, other)

    await rows.when(TopProducts()).then([first, other, second])
    await rows.when(TopProducts(department="DELI", limit=1)).then([first])


async def test_revenue_between_days_includes_both_and_ranks_departments():
    days = [
        DailyRevenue(day=date(2017, 1, day), department=name, placed=Decimal(placed), cancelled=Decimal(taken))
        for day, name, placed, taken in ((1, "A", 1, 0), (2, "A", 2, 1), (2, "B", 9, 0), (3, "B", 50, 0))
    ]

    asked = scenario(revenue_between).given(*days).when(RevenueBetween(first=DAY, last=date(2017, 1, 2)))
    answer: Revenue = await asked.answer()

    assert (answer.placed, answer.cancelled, answer.kept) == (Decimal(12), Decimal(1), Decimal(11))
    assert [(each.department, each.placed) for each in answer.departments] == [("B", Decimal(9)), ("A", Decimal(3))]


async def test_a_period_has_at_most_a_leap_year_of_days():
    rows = scenario(revenue_between)

    await rows.when(RevenueBetween(first=DAY, last=date(2018, 1, 2))).then_rejected("period-too-long")
    assert (await rows.when(RevenueBetween(first=DAY, last=date(2018, 1, 1))).answer()).placed == 0


async def test_a_customers_summary_leaves_cancelled_orders_out_of_the_average():
    row = CustomerDashboard(
        customer_id="c", orders=4, placed_total=Decimal(11), cancelled_orders=1, cancelled_total=Decimal(1)
    )

    answer = await scenario(summary_of_customer).given(row).when(SummaryOfCustomer(customer_id="c")).answer()

    assert (answer.orders, answer.spent, answer.average) == (3, 10, Decimal("3.33"))


async def test_an_unknown_customer_has_no_summary():
    with pytest.raises(RowNotFoundError):
        await scenario(summary_of_customer).when(SummaryOfCustomer(customer_id="c")).answer()


async def test_a_search_finds_products_with_every_word():
    milk, chocolate = ProductText(product_id="m", text="milk"), ProductText(product_id="c", text="chocolate milk")
    rows = scenario(search_products).given(milk, chocolate)

    await rows.when(SearchProducts(words="Milk")).then([chocolate, milk])
    await rows.when(SearchProducts(words="milk chocolate")).then([chocolate])


# --- from baskets to commands -------------------------------------------------------------


def basket(number: int) -> Basket:
    free = BasketLine("2", 0, Decimal(0), Decimal(0), Decimal(0), Decimal(0))
    paid = BasketLine("1", 2, Decimal("3.10"), Decimal("0.40"), Decimal(0), Decimal(0))
    return Basket(number, 7, 9, datetime(2017, 7, 2, 3, 59, tzinfo=UTC), (paid, free))


@pytest.mark.parametrize(
    ("number", "steps"),
    [
        (100, ["PlaceOrder", "CancelOrder"]),
        (102, ["PlaceOrder", "CancelOrder"]),
        (103, ["PlaceOrder", "PayOrder", "CancelOrder"]),
        (105, ["PlaceOrder", "PayOrder"]),
        (107, ["PlaceOrder", "PayOrder", "ShipOrder", "CancelOrder"]),
        (108, ["PlaceOrder", "PayOrder", "ShipOrder"]),
        (199, ["PlaceOrder", "PayOrder", "ShipOrder"]),
    ],
)
def test_the_last_digits_of_a_basket_choose_its_journey(number: int, steps: list[str]):
    assert [type(step.command).__name__ for step in journey(basket(number), {})] == steps


def test_the_same_basket_gives_the_same_commands_and_keys():
    first, again = (list(journey(basket(107), {"1": "DELI"})) for _ in range(2))

    assert first == again
    assert len({step.key for step in first}) == len(first)


def test_an_order_keeps_the_stores_day_the_department_and_the_zero_lines():
    order = next(journey(basket(100), {"1": "DELI"})).command

    assert isinstance(order, PlaceOrder)
    assert order.business_day == date(2017, 7, 1)
    assert [(each.department, each.is_zero) for each in order.lines] == [("DELI", False), ("UNKNOWN", True)]


@pytest.mark.parametrize(
    ("amount", "exact"), [(0.1 + 0.2, "0.30"), (24.0, "24.00"), (0.0, "0"), (1e-3, "0.00"), (130.02, "130.02")]
)
def test_amounts_are_rounded_to_cents(amount: float, exact: str):
    assert str(cents(amount)) == exact
