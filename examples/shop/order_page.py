"""One row an order: what its customer and the store look at."""

from datetime import date, datetime
from decimal import Decimal

from examples.shop.events import OrderCancelled, OrderPaid, OrderPlaced, OrderShipped
from examples.shop.lines import NOTHING, OrderLine
from twofold import View, evolves


class OrderPage(View, key="order_id", index=("customer_id", "placed_at", "status")):
    """An order with its lines and how far it has come. `zero_lines` counts lines that were free or weighed nothing."""

    order_id: str
    customer_id: str = ""
    store_id: str = ""
    business_day: date | None = None
    placed_at: datetime | None = None
    lines: tuple[OrderLine, ...] = ()
    zero_lines: int = 0
    total: Decimal = NOTHING
    status: str = "placed"
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    refund: Decimal = NOTHING
    reason: str | None = None

    @evolves
    def placed(self, event: OrderPlaced) -> None:
        self.customer_id = event.customer_id
        self.store_id = event.store_id
        self.business_day = event.business_day
        self.placed_at = event.placed_at
        self.lines = event.lines
        self.zero_lines = sum(line.is_zero for line in event.lines)
        self.total = event.total

    @evolves
    def paid(self, event: OrderPaid) -> None:
        self.status = "paid"
        self.paid_at = event.paid_at

    @evolves
    def shipped(self, event: OrderShipped) -> None:
        self.status = "shipped"
        self.shipped_at = event.shipped_at

    @evolves
    def cancelled(self, event: OrderCancelled) -> None:
        self.status = "cancelled"
        self.cancelled_at = event.cancelled_at
        self.refund = event.refund
        self.reason = event.reason
