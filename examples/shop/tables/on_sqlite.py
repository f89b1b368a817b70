"""The order tables on SQLite, by apsw. Amounts are kept as whole cents, days and times as text."""

from datetime import UTC, date
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw

from examples.shop.events import OrderPlaced
from examples.shop.lines import NOTHING, OrderLine
from examples.shop.order import Order, Status

CREATE = (Path(__file__).parent / "sqlite.sql").read_text(encoding="utf-8")
INSERT_USER = "INSERT INTO users (id) VALUES (?) ON CONFLICT DO NOTHING"
INSERT_ORDER = """
    INSERT INTO orders (order_id, user_id, store_id, status, total, business_day, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id
"""
INSERT_ITEM = """
    INSERT INTO order_items (
        order_id, product_id, department, qty, price, retail_discount, coupon_discount, coupon_match_discount
    )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
FIND_ORDER = "SELECT user_id, business_day, total, status FROM orders WHERE order_id = ?"
FIND_ITEMS = """
    SELECT product_id, department, qty, price, retail_discount, coupon_discount, coupon_match_discount
    FROM order_items
    WHERE order_id = ?
    ORDER BY id
"""
SET_STATUS = "UPDATE orders SET status = ? WHERE order_id = ?"


class SqliteOrders:
    """`OrderTables` on an apsw.Connection, which has the database for itself while the handler runs."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def create(self) -> None:
        """See OrderTables.create."""
        self._connection.execute(CREATE).fetchall()

    async def insert(self, placed: OrderPlaced) -> bool:
        """See OrderTables.insert."""
        self._connection.execute(INSERT_USER, (placed.customer_id,))
        order = (
            placed.order_id,
            placed.customer_id,
            placed.store_id,
            Status.PLACED.value,
            _cents(placed.total),
            placed.business_day.isoformat(),
            placed.placed_at.astimezone(UTC).isoformat(),
        )
        if not self._connection.execute(INSERT_ORDER, order).fetchall():
            return False
        self._connection.executemany(
            INSERT_ITEM,
            [
                (placed.order_id, line.product_id, line.department, line.quantity, *map(_cents, line.amounts))
                for line in placed.lines
            ],
        )
        return True

    async def find(self, order_id: str) -> Order | None:
        """See OrderTables.find."""
        found = self._rows(FIND_ORDER, order_id)
        if not found:
            return None
        customer_id, business_day, total, status = found[0]
        items = self._rows(FIND_ITEMS, order_id)
        return Order(
            customer_id=customer_id,
            business_day=date.fromisoformat(business_day),
            lines=tuple(_line_of(*item) for item in items),
            total=_dollars(total),
            status=Status(status),
        )

    async def set_status(self, order_id: str, status: str) -> None:
        """See OrderTables.set_status."""
        self._connection.execute(SET_STATUS, (status, order_id))

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()


def _line_of(product_id: str, department: str, quantity: int, *amounts: int) -> OrderLine:
    value, retail, coupon, match = map(_dollars, amounts)
    return OrderLine(
        product_id=product_id,
        department=department,
        quantity=quantity,
        value=value,
        retail_discount=retail,
        coupon_discount=coupon,
        coupon_match_discount=match,
    )


def _cents(dollars: Decimal) -> int:
    return int(dollars.scaleb(2))


def _dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2) if cents else NOTHING
