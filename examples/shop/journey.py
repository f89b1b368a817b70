"""From a basket to the commands of its order's life, decided by the basket alone: feeding it again is the same."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from examples.shop.baskets import UNKNOWN, Basket
from examples.shop.commands import CancelOrder, PayOrder, PlaceOrder, ShipOrder
from examples.shop.lines import OrderLine, total_of
from twofold import Command

STORE_TIME = ZoneInfo("America/New_York")

CHANGED_MIND = range(3)
OUT_OF_STOCK = range(3, 5)
NOT_YET_SHIPPED = range(5, 7)
CANCELLED_TOO_LATE = range(7, 8)


class Step(NamedTuple):
    """A command with its idempotency key: the same basket always gives the same ones."""

    key: str
    command: Command


def journey(basket: Basket, departments: Mapping[str, str]) -> Iterator[Step]:
    """The steps of the basket's order, in their order. *departments* are those of the catalog, by product.

    The last two digits of the basket's number choose: see README.md.
    """
    place = place_order(basket, departments)
    yield Step(f"{basket.number}:place", place)
    chosen = basket.number % 100
    if chosen not in CHANGED_MIND:
        yield Step(f"{basket.number}:pay", _pay(basket, place))
    if chosen in CHANGED_MIND:
        yield Step(f"{basket.number}:cancel", _cancel(basket, "changed-mind", hours=1))
    elif chosen in OUT_OF_STOCK:
        yield Step(f"{basket.number}:cancel", _cancel(basket, "out-of-stock", hours=3))
    elif chosen not in NOT_YET_SHIPPED:
        yield Step(f"{basket.number}:ship", _ship(basket))
    if chosen in CANCELLED_TOO_LATE:
        yield Step(f"{basket.number}:cancel", _cancel(basket, "too-late", hours=48))


def place_order(basket: Basket, departments: Mapping[str, str]) -> PlaceOrder:
    """The order of a basket, with each product's department copied into its line."""
    return PlaceOrder(
        order_id=str(basket.number),
        customer_id=str(basket.household),
        store_id=str(basket.store),
        placed_at=basket.at,
        business_day=basket.at.astimezone(STORE_TIME).date(),
        lines=tuple(
            OrderLine(
                product_id=line.product_id,
                department=departments.get(line.product_id, UNKNOWN),
                quantity=line.quantity,
                value=line.value,
                retail_discount=line.retail_discount,
                coupon_discount=line.coupon_discount,
                coupon_match_discount=line.coupon_match_discount,
            )
            for line in basket.lines
        ),
    )


def _pay(basket: Basket, order: PlaceOrder) -> PayOrder:
    paid_at = basket.at + timedelta(minutes=5)
    return PayOrder(order_id=order.order_id, amount=total_of(order.lines), paid_at=paid_at)


def _ship(basket: Basket) -> ShipOrder:
    return ShipOrder(order_id=str(basket.number), shipped_at=basket.at + timedelta(hours=24))


def _cancel(basket: Basket, reason: str, hours: int) -> CancelOrder:
    return CancelOrder(order_id=str(basket.number), reason=reason, cancelled_at=basket.at + timedelta(hours=hours))
