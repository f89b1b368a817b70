"""What the shop can be asked to do. Times are business time: when it happened in the store."""

from datetime import date, datetime
from decimal import Decimal

from examples.shop.lines import Id, OrderLine
from twofold import Command


class AddProduct(Command):
    product_id: Id
    department: str
    brand: str
    manufacturer_id: Id
    category: str | None = None
    type: str | None = None
    package_size: str | None = None


class PlaceOrder(Command, route="POST /orders"):
    """`business_day` is the trading day by the store's own calendar, which UTC does not know."""

    order_id: Id
    customer_id: Id
    store_id: Id
    placed_at: datetime
    business_day: date
    lines: tuple[OrderLine, ...]


class PayOrder(Command):
    order_id: Id
    amount: Decimal
    paid_at: datetime


class ShipOrder(Command):
    order_id: Id
    shipped_at: datetime


class CancelOrder(Command):
    order_id: Id
    reason: str
    cancelled_at: datetime
