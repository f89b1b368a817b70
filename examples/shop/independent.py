"""The sums that the shop must arrive at, computed from the files by SQL alone. It shares no code with the shop.

`python -m examples.shop.independent` prints the year's.
"""

import sys
from pathlib import Path
from typing import Any

import duckdb

Sums = dict[str, dict[Any, Any]]

_LINES = """
    CREATE TEMP TABLE line AS
    SELECT basket_id AS basket,
           household_id::VARCHAR AS customer,
           product_id::VARCHAR AS product,
           coalesce(catalog.department, 'UNKNOWN') AS department,
           timezone('America/New_York', timezone('UTC', transaction_timestamp))::DATE AS day,
           quantity,
           sales_value::DECIMAL(18, 2) AS value,
           retail_disc::DECIMAL(18, 2) + coupon_disc::DECIMAL(18, 2) + coupon_match_disc::DECIMAL(18, 2) AS discount,
           sales_value <= 0 OR quantity <= 0 AS is_zero,
           sum(sales_value) OVER (PARTITION BY basket_id) > 0 AS accepted,
           basket_id % 100 < 5 AS cancelled
    FROM {reader}(?) LEFT JOIN {reader}(?) AS catalog USING (product_id)
"""
_YEAR = """
    SELECT count(DISTINCT basket) FILTER (accepted) AS orders,
           count(DISTINCT basket) FILTER (accepted AND cancelled) AS cancelled_orders,
           count(DISTINCT basket) FILTER (accepted AND basket % 100 IN (5, 6)) AS waiting_orders,
           count(*) FILTER (accepted) AS lines,
           count(*) FILTER (accepted AND is_zero) AS zero_lines,
           sum(value) FILTER (accepted) AS placed,
           coalesce(sum(value) FILTER (accepted AND cancelled), 0) AS cancelled,
           coalesce(sum(value) FILTER (accepted AND basket % 100 IN (3, 4)), 0) AS refunded,
           sum(discount) FILTER (accepted) AS discounts,
           count(DISTINCT basket) FILTER (NOT accepted) AS "refused order-without-value",
           count(DISTINCT basket) FILTER (accepted AND basket % 100 = 7) AS "refused order-already-shipped"
    FROM line
"""
_BY = """
    SELECT {key}, sum(value) AS placed, coalesce(sum(value) FILTER (cancelled), 0) AS cancelled
    FROM line WHERE accepted GROUP BY ALL
"""


def sums_of(transactions: Path, products: Path) -> Sums:
    """The sums of the year, and placed and cancelled by day and department, by product, and by customer."""
    with duckdb.connect() as connection:
        reader = "read_csv" if transactions.suffix == ".csv" else "read_parquet"
        connection.execute(_LINES.format(reader=reader), [str(transactions), str(products)])
        year = connection.execute(_YEAR)
        names = [column[0] for column in year.description or ()]
        return {
            "year": dict(zip(names, year.fetchone() or (), strict=True)),
            "day and department": _grouped(connection, "day, department"),
            "product": _grouped(connection, "product"),
            "customer": _grouped(connection, "customer"),
        }


def _grouped(connection: duckdb.DuckDBPyConnection, key: str) -> dict[Any, Any]:
    rows = connection.execute(_BY.format(key=key)).fetchall()
    return {tuple(parts) if len(parts) > 1 else parts[0]: (placed, taken) for *parts, placed, taken in rows}


def main() -> int:
    """Print the year's sums of the files in the folder that the command line names."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the folder
        print("usage: python -m examples.shop.independent FOLDER-OF-THE-PARQUET-FILES", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    for name, value in sums_of(folder / "transactions.parquet", folder / "products.parquet")["year"].items():
        print(f"{name:>32} {value:>16,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
