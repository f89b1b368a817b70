"""What the shop can be asked to do. Times are business time: when it happened in the store."""

from datetime import date, datetime
from decimal import Decimal

from examples.shop.lines import OrderLine
from twofold import Command


class AddProduct(Command):
    product_id: str
    department: str
    brand: str
    manufacturer_id: str
    category: str | None = None
    type: str | None = None
    package_size: str | None = None


class PlaceOrder(Command, route="POST /orders"):
    """`business_day` is the trading day by the store's own calendar, which UTC does not know."""

    order_id: str
    customer_id: str
    store_id: str
    placed_at: datetime
    business_day: date
    lines: tuple[OrderLine, ...]


class PayOrder(Command):
    order_id: str
    amount: Decimal
    paid_at: datetime


class ShipOrder(Command):
    order_id: str
    shipped_at: datetime


class CancelOrder(Command):
    order_id: str
    reason: str
    cancelled_at: datetime
