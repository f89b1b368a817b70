"""What the views say a year was, in the shape of the independent sums, and how the two differ."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from examples.shop.customer_dashboard import CustomerDashboard
from examples.shop.lines import NOTHING
from examples.shop.order_page import OrderPage
from examples.shop.paging import every
from examples.shop.sales import DailyRevenue, ProductSales
from examples.shop.sending import Tally
from twofold import OpenApp

Sums = dict[str, dict[Any, Any]]


async def totals_of(shop: OpenApp, tally: Tally | None = None) -> Sums:
    """Sums over the rows of all views; with a *tally*, also how many commands were refused, and why."""
    orders = shop.rows(OrderPage)
    year: dict[str, Any] = {
        "orders": await orders.count(),
        "cancelled_orders": await orders.count(orders.c.status == "cancelled"),
        "waiting_orders": await orders.count(orders.c.status == "paid"),
    }
    days = await _days(shop, year)
    customers = await _customers(shop, year)
    if tally is not None:
        year |= {f"refused {code}": count for code, count in tally.refused.items()}
    return {"year": year, "day and department": days, "product": await _products(shop), "customer": customers}


async def _days(shop: OpenApp, year: dict[str, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    sums: defaultdict[str, Any] = defaultdict(int, placed=NOTHING, cancelled=NOTHING, discounts=NOTHING)
    async for row in every(shop.rows(DailyRevenue)):
        found[row.day, row.department] = (row.placed, row.cancelled)
        for name in ("lines", "zero_lines", "placed", "cancelled", "discounts"):
            sums[name] += getattr(row, name)
    year |= sums
    return found


async def _customers(shop: OpenApp, year: dict[str, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    refunded = NOTHING
    async for row in every(shop.rows(CustomerDashboard)):
        found[row.customer_id] = (row.placed_total, row.cancelled_total)
        refunded += row.refunded_total
    year["refunded"] = refunded
    return found


async def _products(shop: OpenApp) -> dict[Any, Any]:
    return {row.product_id: (row.placed_value, row.cancelled_value) async for row in every(shop.rows(ProductSales))}


def differences(expected: Sums, actual: Sums) -> Iterator[str]:
    """A sentence for each number that is not what it should be."""
    for part, numbers in expected.items():
        found = actual.get(part, {})
        for name in {**numbers, **found}:
            should, does = numbers.get(name, "missing"), found.get(name, "missing")
            if should != does:
                yield f"{part} {_text(name)}: {_text(does)}, and should be {_text(should)}"


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)


def year_lines(year: Mapping[str, Any]) -> Iterator[str]:
    """The totals of a year as people read them; what was cancelled stands apart."""
    kept = year["placed"] - year["cancelled"]
    yield f"placed     ${year['placed']:>14,.2f}   in {year['orders']:,} orders of {year['lines']:,} lines"
    yield f"cancelled  ${year['cancelled']:>14,.2f}   in {year['cancelled_orders']:,} orders"
    yield f"           ${year['refunded']:>14,.2f}   of it paid back"
    yield f"kept       ${kept:>14,.2f}"
    yield f"discounts  ${year['discounts']:>14,.2f}"
    yield f"lines that were free or weighed nothing: {year['zero_lines']:,}"
    for name in sorted(name for name in year if name.startswith("refused ")):
        yield f"{name}: {year[name]:,}"
