"""One row a customer: totals, and the orders of late."""

from datetime import datetime
from decimal import Decimal

import msgspec

from examples.shop.events import OrderCancelled, OrderPaid, OrderPlaced, OrderShipped
from examples.shop.lines import NOTHING
from twofold import View, evolves

RECENT = 10


class RecentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order in short."""

    order_id: str
    placed_at: datetime
    total: Decimal
    status: str = "placed"


class CustomerDashboard(View, key="customer_id", index=("placed_total",)):
    """What a customer has ordered so far, cancelled orders apart; the ten latest orders, newest first."""

    customer_id: str
    orders: int = 0
    placed_total: Decimal = NOTHING
    cancelled_orders: int = 0
    cancelled_total: Decimal = NOTHING
    refunded_total: Decimal = NOTHING
    last_order_at: datetime | None = None
    recent: tuple[RecentOrder, ...] = ()

    @evolves
    def placed(self, event: OrderPlaced) -> None:
        self.orders += 1
        self.placed_total += event.total
        self.last_order_at = max(self.last_order_at or event.placed_at, event.placed_at)
        order = RecentOrder(order_id=event.order_id, placed_at=event.placed_at, total=event.total)
        self.recent = (order, *self.recent)[:RECENT]

    @evolves
    def paid(self, event: OrderPaid) -> None:
        self._mark(event.order_id, "paid")

    @evolves
    def shipped(self, event: OrderShipped) -> None:
        self._mark(event.order_id, "shipped")

    @evolves
    def cancelled(self, event: OrderCancelled) -> None:
        self.cancelled_orders += 1
        self.cancelled_total += event.total
        self.refunded_total += event.refund
        self._mark(event.order_id, "cancelled")

    def _mark(self, order_id: str, status: str) -> None:
        self.recent = tuple(
            msgspec.structs.replace(order, status=status) if order.order_id == order_id else order
            for order in self.recent
        )
