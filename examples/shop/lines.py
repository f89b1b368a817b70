"""A line of an order, and sums over lines. Amounts are dollars, exact to the cent."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

NOTHING = Decimal(0)
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
"""A number of the tills, or whatever stands for one: short enough to be a key in any database."""


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One product of an order, with what was paid for it (`value`) after the discounts.

    The department is the product's at the time of the order. A line may be free or weigh nothing (`is_zero`): a
    voucher, a give-away. `quantity` counts pieces; for fuel the tills count smaller units.
    """

    product_id: Id
    department: Id
    quantity: int
    value: Decimal
    retail_discount: Decimal = NOTHING
    coupon_discount: Decimal = NOTHING
    coupon_match_discount: Decimal = NOTHING

    @property
    def is_zero(self) -> bool:
        """True when nothing was paid or nothing was counted."""
        return not self.value or not self.quantity

    @property
    def amounts(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Every amount of the line."""
        return (self.value, self.retail_discount, self.coupon_discount, self.coupon_match_discount)

    @property
    def discount(self) -> Decimal:
        """All that was taken off."""
        return self.retail_discount + self.coupon_discount + self.coupon_match_discount


def total_of(lines: Iterable[OrderLine]) -> Decimal:
    """What was paid for all *lines*."""
    return sum((line.value for line in lines), NOTHING)


def line_of(lines: Sequence[OrderLine], product_id: str) -> OrderLine:
    """The line of that product; an order has one line a product."""
    return next(line for line in lines if line.product_id == product_id)
