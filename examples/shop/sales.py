"""What was sold: by product, and by day and department. Both book a cancellation on what was ordered, apart."""

from datetime import date
from decimal import Decimal

from examples.shop.events import OrderCancelled, OrderPlaced
from examples.shop.lines import NOTHING, line_of
from twofold import View, evolves


def products_of(event: OrderPlaced | OrderCancelled) -> tuple[str, ...]:
    """The products of an order, in its order."""
    return tuple(line.product_id for line in event.lines)


def departments_of(event: OrderPlaced | OrderCancelled) -> tuple[tuple[date, str], ...]:
    """The day of an order with each of its departments, in its order."""
    return tuple(dict.fromkeys((event.business_day, line.department) for line in event.lines))


class ProductSales(View, key="product_id", index=("placed_value",)):
    """What one product has sold. `units` are those of the orders placed; zero lines are counted, and earn nothing."""

    product_id: str
    department: str = ""
    orders: int = 0
    zero_lines: int = 0
    units: int = 0
    placed_value: Decimal = NOTHING
    cancelled_units: int = 0
    cancelled_value: Decimal = NOTHING

    @evolves(keys=products_of)
    def placed(self, event: OrderPlaced) -> None:
        line = line_of(event.lines, self.product_id)
        self.department = line.department
        self.orders += 1
        self.zero_lines += line.is_zero
        self.units += line.quantity
        self.placed_value += line.value

    @evolves(keys=products_of)
    def cancelled(self, event: OrderCancelled) -> None:
        line = line_of(event.lines, self.product_id)
        self.cancelled_units += line.quantity
        self.cancelled_value += line.value


class DailyRevenue(View, key=("day", "department")):
    """Revenue by the day of business, not by the day of recording: a cancellation counts on the day of its order."""

    day: date
    department: str
    orders: int = 0
    lines: int = 0
    zero_lines: int = 0
    placed: Decimal = NOTHING
    discounts: Decimal = NOTHING
    cancelled: Decimal = NOTHING

    @evolves(keys=departments_of)
    def order_placed(self, event: OrderPlaced) -> None:
        self.orders += 1
        for line in event.lines:
            if line.department == self.department:
                self.lines += 1
                self.zero_lines += line.is_zero
                self.placed += line.value
                self.discounts += line.discount

    @evolves(keys=departments_of)
    def order_cancelled(self, event: OrderCancelled) -> None:
        for line in event.lines:
            if line.department == self.department:
                self.cancelled += line.value
