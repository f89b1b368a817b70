"""The order: placed, paid, shipped, or cancelled on the way."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from examples.shop.commands import CancelOrder, PayOrder, PlaceOrder, ShipOrder
from examples.shop.events import OrderCancelled, OrderPaid, OrderPlaced, OrderShipped
from examples.shop.lines import NOTHING, OrderLine
from examples.shop.order_rules import check_lines, check_total
from twofold import Aggregate, Rejected, decides, evolves


class Status(StrEnum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class Order(Aggregate, key="order_id"):
    customer_id: str = ""
    business_day: date = date.min
    lines: tuple[OrderLine, ...] = ()
    total: Decimal = NOTHING
    status: Status = Status.PLACED

    @decides(new=True)
    def place(self, command: PlaceOrder) -> OrderPlaced:
        check_lines(command.lines)
        if abs(command.business_day - command.placed_at.date()).days > 1:
            raise Rejected("business-day-off", f"{command.business_day} is not the day of {command.placed_at}")
        return OrderPlaced(
            order_id=command.order_id,
            customer_id=command.customer_id,
            store_id=command.store_id,
            placed_at=command.placed_at,
            business_day=command.business_day,
            lines=command.lines,
            total=check_total(command.lines),
        )

    @decides
    def pay(self, command: PayOrder) -> OrderPaid:
        if self.status is not Status.PLACED:
            raise Rejected(f"order-already-{self.status}", f"The order is {self.status} and takes no payment")
        if command.amount != self.total:
            raise Rejected("amount-not-total", f"{command.amount} is not the total of {self.total}")
        return OrderPaid(
            order_id=command.order_id,
            customer_id=self.customer_id,
            amount=command.amount,
            paid_at=command.paid_at,
        )

    @decides
    def ship(self, command: ShipOrder) -> OrderShipped:
        if self.status is Status.PLACED:
            raise Rejected("order-not-paid", "Only a paid order is shipped")
        if self.status is not Status.PAID:
            raise Rejected(f"order-already-{self.status}", f"The order is {self.status} and cannot be shipped")
        return OrderShipped(order_id=command.order_id, customer_id=self.customer_id, shipped_at=command.shipped_at)

    @decides
    def cancel(self, command: CancelOrder) -> OrderCancelled:
        if self.status in {Status.SHIPPED, Status.CANCELLED}:
            raise Rejected(f"order-already-{self.status}", f"The order is {self.status} and cannot be cancelled")
        return OrderCancelled(
            order_id=command.order_id,
            customer_id=self.customer_id,
            business_day=self.business_day,
            lines=self.lines,
            total=self.total,
            refund=self.total if self.status is Status.PAID else NOTHING,
            reason=command.reason,
            cancelled_at=command.cancelled_at,
        )

    @evolves
    def placed(self, event: OrderPlaced) -> None:
        self.customer_id = event.customer_id
        self.business_day = event.business_day
        self.lines = event.lines
        self.total = event.total

    @evolves
    def paid(self, event: OrderPaid) -> None:  # noqa: ARG002 - that it was paid is all the rules ask
        self.status = Status.PAID

    @evolves
    def shipped(self, event: OrderShipped) -> None:  # noqa: ARG002 - that it was shipped is all the rules ask
        self.status = Status.SHIPPED

    @evolves
    def cancelled(self, event: OrderCancelled) -> None:  # noqa: ARG002 - that it was cancelled is all the rules ask
        self.status = Status.CANCELLED
