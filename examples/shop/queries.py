"""What the shop can be asked."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

import msgspec

from examples.shop.customer_dashboard import CustomerDashboard, RecentOrder
from examples.shop.lines import NOTHING
from examples.shop.paging import every
from examples.shop.product_text import ProductText
from examples.shop.sales import DailyRevenue, ProductSales
from twofold import Query, Rejected, Rows, answers

LONGEST_PERIOD_DAYS = 366


class TopProducts(Query[list[ProductSales]], route="GET /top-products"):
    """The products that earned most, of one department or of all."""

    department: str | None = None
    limit: int = 10


class DepartmentRevenue(msgspec.Struct, frozen=True, kw_only=True):
    """What a department earned: placed, and what of it was cancelled."""

    department: str
    placed: Decimal
    cancelled: Decimal


class Revenue(msgspec.Struct, frozen=True, kw_only=True):
    """Revenue of a period. `kept` is what was placed and not cancelled."""

    first: date
    last: date
    placed: Decimal
    cancelled: Decimal
    kept: Decimal
    departments: list[DepartmentRevenue]


class RevenueBetween(Query[Revenue], route="GET /revenue"):
    """Revenue of the days from `first` to `last`, both included."""

    first: date
    last: date


class CustomerSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer spends. `average` is dollars an order, to the cent."""

    customer_id: str
    orders: int
    spent: Decimal
    cancelled: Decimal
    average: Decimal
    last_order_at: datetime | None
    recent: tuple[RecentOrder, ...]


class SummaryOfCustomer(Query[CustomerSummary], route="GET /customers/{customer_id}/summary"):
    customer_id: str


class SearchProducts(Query[list[ProductText]], route="GET /products"):
    """Products whose text holds every word asked for."""

    words: str
    limit: int = 20


@answers
async def top_products(query: TopProducts, sales: Rows[ProductSales]) -> list[ProductSales]:
    wanted = () if query.department is None else (sales.c.department == query.department,)
    return await sales.find(*wanted, order_by="-placed_value", limit=query.limit)


@answers
async def revenue_between(query: RevenueBetween, days: Rows[DailyRevenue]) -> Revenue:
    if (query.last - query.first).days >= LONGEST_PERIOD_DAYS:
        raise Rejected("period-too-long", f"A period has at most {LONGEST_PERIOD_DAYS} days")
    placed: defaultdict[str, Decimal] = defaultdict(Decimal)
    cancelled: defaultdict[str, Decimal] = defaultdict(Decimal)
    async for row in every(days, days.c.day >= query.first, days.c.day <= query.last):
        placed[row.department] += row.placed
        cancelled[row.department] += row.cancelled
    total, taken_back = sum(placed.values(), NOTHING), sum(cancelled.values(), NOTHING)
    return Revenue(
        first=query.first,
        last=query.last,
        placed=total,
        cancelled=taken_back,
        kept=total - taken_back,
        departments=[
            DepartmentRevenue(department=name, placed=placed[name], cancelled=cancelled[name])
            for name in sorted(placed, key=lambda name: (-placed[name], name))
        ],
    )


@answers
async def summary_of_customer(query: SummaryOfCustomer, customers: Rows[CustomerDashboard]) -> CustomerSummary:
    customer = await customers.get(query.customer_id)
    kept = customer.orders - customer.cancelled_orders
    spent = customer.placed_total - customer.cancelled_total
    return CustomerSummary(
        customer_id=customer.customer_id,
        orders=kept,
        spent=spent,
        cancelled=customer.cancelled_total,
        average=round(spent / kept, 2) if kept else NOTHING,
        last_order_at=customer.last_order_at,
        recent=customer.recent,
    )


@answers
async def search_products(query: SearchProducts, products: Rows[ProductText]) -> list[ProductText]:
    wanted = [products.c.text.contains(word) for word in query.words.lower().split()]
    return await products.find(*wanted, order_by="product_id", limit=query.limit)
