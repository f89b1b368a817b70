"""What has happened in the shop. Events carry the ids and amounts that views need, so that folds stay pure."""

from datetime import date, datetime
from decimal import Decimal

from examples.shop.lines import OrderLine
from twofold import Event


class ProductAdded(Event):
    product_id: str
    department: str
    brand: str
    manufacturer_id: str
    category: str | None = None
    type: str | None = None
    package_size: str | None = None


class OrderPlaced(Event):
    order_id: str
    customer_id: str
    store_id: str
    placed_at: datetime
    business_day: date
    lines: tuple[OrderLine, ...]
    total: Decimal


class OrderPaid(Event):
    order_id: str
    customer_id: str
    amount: Decimal
    paid_at: datetime


class OrderShipped(Event):
    order_id: str
    customer_id: str
    shipped_at: datetime


class OrderCancelled(Event):
    """`refund` is what had been paid. The lines are the order's: what is taken off sales and revenue again."""

    order_id: str
    customer_id: str
    business_day: date
    lines: tuple[OrderLine, ...]
    total: Decimal
    refund: Decimal
    reason: str
    cancelled_at: datetime
