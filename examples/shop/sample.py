"""A few households' baskets, committed beside this file, for a machine without the dataset or offline."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from examples.shop.baskets import Basket, baskets_of, product_of
from examples.shop.commands import AddProduct

FOLDER = Path(__file__).parent / "sample_data"
LINES = FOLDER / "transactions.csv"
PRODUCTS = FOLDER / "products.csv"


class Sample:
    """The sample as `baskets.Source`."""

    name = "the committed sample"
    whole = False

    def __init__(self) -> None:
        self.basket_count = sum(1 for _ in self.baskets())
        self.product_count = sum(1 for _ in self.products())

    def baskets(self, since: datetime | None = None) -> Iterator[Basket]:
        """Every basket, or those at or after *since*, by rising time."""
        every = baskets_of(map(_line_row, _rows(LINES)))
        return every if since is None else (basket for basket in every if basket.at >= since)

    def products(self) -> Iterator[AddProduct]:
        """The catalog, as far as the baskets need it."""
        return map(product_of, _rows(PRODUCTS))


def _rows(file: Path) -> Iterator[tuple[str, ...]]:
    with file.open(newline="", encoding="utf-8") as text:
        rows = csv.reader(text)
        next(rows)
        yield from map(tuple, rows)


def _line_row(row: tuple[str, ...]) -> tuple[object, ...]:
    household, store, basket, product, quantity, *amounts, _, at = row
    return (
        *map(int, (basket, household, store)),
        datetime.fromisoformat(at),
        product,
        int(quantity),
        *map(float, amounts),
    )
