"""The rules for what an order may hold."""

from collections.abc import Sequence
from decimal import Decimal

from examples.shop.lines import OrderLine, total_of
from twofold import Rejected

LARGEST_AMOUNT = Decimal("99999999.99")
LARGEST_QUANTITY = 2**31 - 1


def check_lines(lines: Sequence[OrderLine]) -> None:
    """Raises Rejected `order-empty`, `line-repeated`, `line-negative`, `line-too-large` or `line-not-in-cents`."""
    if not lines:
        raise Rejected("order-empty", "An order has at least one line")
    if len({line.product_id for line in lines}) < len(lines):
        raise Rejected("line-repeated", "A product has one line in an order")
    for line in lines:
        _check_line(line)


def _check_line(line: OrderLine) -> None:
    if line.quantity < 0 or min(line.amounts) < 0:
        raise Rejected("line-negative", f"The line of product {line.product_id} has a negative amount")
    if line.quantity > LARGEST_QUANTITY or max(line.amounts) > LARGEST_AMOUNT:
        raise Rejected("line-too-large", f"The line of product {line.product_id} has an amount that no till can print")
    if any(not _in_cents(amount) for amount in line.amounts):
        raise Rejected("line-not-in-cents", f"The line of product {line.product_id} has a fraction of a cent")


def _in_cents(amount: Decimal) -> bool:
    return amount * 100 == (amount * 100).to_integral_value()


def check_total(lines: Sequence[OrderLine]) -> Decimal:
    """What all *lines* cost.

    Raises Rejected `order-without-value` when that is nothing, for there is nothing to pay, and `order-too-large`.
    """
    total = total_of(lines)
    if total > LARGEST_AMOUNT:
        raise Rejected("order-too-large", f"An order costs at most {LARGEST_AMOUNT:,}")
    if not total:
        raise Rejected("order-without-value", "The lines of the order cost nothing together")
    return total
