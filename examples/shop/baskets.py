"""What the tills of the dataset recorded: baskets, put together from their lines."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from examples.shop.commands import AddProduct
from examples.shop.lines import NOTHING

UNKNOWN = "UNKNOWN"
_CENT = Decimal("0.01")


class BasketLine(NamedTuple):
    """A line as the till printed it. Amounts are dollars, rounded to the cent."""

    product_id: str
    quantity: int
    value: Decimal
    retail_discount: Decimal
    coupon_discount: Decimal
    coupon_match_discount: Decimal


class Basket(NamedTuple):
    """One visit of one household to one store."""

    number: int
    household: int
    store: int
    at: datetime
    lines: tuple[BasketLine, ...]


class Source(Protocol):
    """Where baskets and products come from. `whole` is False for the sample."""

    name: str
    whole: bool
    basket_count: int
    product_count: int

    def baskets(self, since: datetime | None = None) -> Iterator[Basket]:
        """Every basket, or those at or after *since*, by rising time, read in pieces."""

    def products(self) -> Iterator[AddProduct]:
        """The catalog, by product."""


def baskets_of(rows: Iterable[tuple[Any, ...]]) -> Iterator[Basket]:
    """Baskets from rows of their lines, which stand together.

    A row is: basket, household, store, time (UTC, naive as in the file), product, quantity, value, three discounts.
    """
    for (number, household, store, at), lines in groupby(rows, itemgetter(0, 1, 2, 3)):
        yield Basket(number, household, store, at.replace(tzinfo=UTC), tuple(map(_line_of, lines)))


def _line_of(row: tuple[Any, ...]) -> BasketLine:
    _, _, _, _, product, quantity, value, retail, coupon, match = row
    return BasketLine(str(product), quantity, cents(value), cents(retail), cents(coupon), cents(match))


@lru_cache(maxsize=50_000)
def cents(amount: float) -> Decimal:
    """A float of dollars as the Decimal it was printed from: the shortest that reads back as it, to the cent.

    Zero is the very `NOTHING` that a line's discounts default to, so that it is left out of the JSON.
    """
    if not amount:
        return NOTHING
    return Decimal(repr(amount)).quantize(_CENT, ROUND_HALF_EVEN)


def product_of(row: tuple[Any, ...]) -> AddProduct:
    """A product from a row of: product, manufacturer, department, brand, category, type, package size."""
    product, manufacturer, department, brand, category, kind, size = row
    return AddProduct(
        product_id=str(product),
        department=department or UNKNOWN,
        brand=brand or UNKNOWN,
        manufacturer_id=str(manufacturer),
        category=category or None,
        type=kind or None,
        package_size=size or None,
    )
