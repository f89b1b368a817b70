"""The whole year of baskets, straight from the parquet files of the dataset, a piece at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from examples.shop.baskets import Basket, baskets_of, product_of
from examples.shop.commands import AddProduct

PIECE = 20_000
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

_COUNT_BASKETS = "SELECT count(DISTINCT basket_id) FROM read_parquet(?)"
_COUNT_PRODUCTS = "SELECT count(*) FROM read_parquet(?)"
_LINES = """
    SELECT basket_id, household_id, store_id, transaction_timestamp,
           product_id, quantity, sales_value, retail_disc, coupon_disc, coupon_match_disc
    FROM read_parquet(?) WHERE transaction_timestamp >= ?
    ORDER BY transaction_timestamp, basket_id, product_id
"""
_PRODUCTS = """
    SELECT product_id, manufacturer_id, department, brand, product_category, product_type, package_size
    FROM read_parquet(?)
    ORDER BY product_id
"""


class Dataset:
    """The year as `baskets.Source`; *folder* holds the parquet files."""

    whole = True

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.transactions = folder / "transactions.parquet"
        self.catalog = folder / "products.parquet"
        self.basket_count = _number(_COUNT_BASKETS, self.transactions)
        self.product_count = _number(_COUNT_PRODUCTS, self.catalog)

    def baskets(self, since: datetime | None = None) -> Iterator[Basket]:
        """Every basket, or those at or after *since*, by rising time, read in pieces."""
        return baskets_of(_rows(_LINES, self.transactions, (since or _EVER).astimezone(UTC).replace(tzinfo=None)))

    def products(self) -> Iterator[AddProduct]:
        """The catalog, by product."""
        return map(product_of, _rows(_PRODUCTS, self.catalog))


def _number(statement: str, file: Path) -> int:
    return int(next(_rows(statement, file))[0])


def _rows(statement: str, file: Path, *values: Any) -> Iterator[tuple[Any, ...]]:
    with duckdb.connect(config={"threads": 1, "memory_limit": "512MB"}) as connection:
        cursor = connection.execute(statement, [str(file), *values])
        while rows := cursor.fetchmany(PIECE):
            yield from rows
