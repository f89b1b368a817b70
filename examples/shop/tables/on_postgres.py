"""The order tables on PostgreSQL, by asyncpg: it takes and gives Decimals, dates and times as they are."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from examples.shop.events import OrderPlaced
from examples.shop.lines import NOTHING, OrderLine
from examples.shop.order import Order, Status

CREATE = (Path(__file__).parent / "postgres.sql").read_text(encoding="utf-8")
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('the tables of the shop'))"
INSERT_USER = "INSERT INTO users (id) VALUES ($1) ON CONFLICT DO NOTHING"
INSERT_ORDER = """
    INSERT INTO orders (order_id, user_id, store_id, status, total, business_day, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id
"""
INSERT_ITEM = """
    INSERT INTO order_items (
        order_id, product_id, department, qty, price, retail_discount, coupon_discount, coupon_match_discount
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
FIND_ORDER = "SELECT user_id, business_day, total, status FROM orders WHERE order_id = $1 FOR UPDATE"
FIND_ITEMS = """
    SELECT product_id, department, qty, price, retail_discount, coupon_discount, coupon_match_discount
    FROM order_items
    WHERE order_id = $1
    ORDER BY id
"""
SET_STATUS = "UPDATE orders SET status = $2 WHERE order_id = $1"


class PostgresOrders:
    """`OrderTables` on an asyncpg.Connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def create(self) -> None:
        """See OrderTables.create. Of several processes that start at once, one makes them."""
        await self._connection.execute(ONE_AT_A_TIME)
        await self._connection.execute(CREATE)

    async def insert(self, placed: OrderPlaced) -> bool:
        """See OrderTables.insert."""
        await self._connection.execute(INSERT_USER, placed.customer_id)
        stored = await self._connection.fetchval(
            INSERT_ORDER,
            placed.order_id,
            placed.customer_id,
            placed.store_id,
            Status.PLACED,
            placed.total,
            placed.business_day,
            placed.placed_at,
        )
        if stored is None:
            return False
        await self._connection.executemany(
            INSERT_ITEM,
            [
                (placed.order_id, line.product_id, line.department, line.quantity, *line.amounts)
                for line in placed.lines
            ],
        )
        return True

    async def find(self, order_id: str) -> Order | None:
        """See OrderTables.find."""
        row = await self._connection.fetchrow(FIND_ORDER, order_id)
        if row is None:
            return None
        customer_id, business_day, total, status = row
        items = await self._connection.fetch(FIND_ITEMS, order_id)
        return Order(
            customer_id=customer_id,
            business_day=business_day,
            lines=tuple(_line_of(*item) for item in items),
            total=total,
            status=Status(status),
        )

    async def set_status(self, order_id: str, status: str) -> None:
        """See OrderTables.set_status."""
        await self._connection.execute(SET_STATUS, order_id, status)


def _line_of(product_id: str, department: str, quantity: int, *amounts: Decimal) -> OrderLine:
    value, retail, coupon, match = (amount or NOTHING for amount in amounts)
    return OrderLine(
        product_id=product_id,
        department=department,
        quantity=quantity,
        value=value,
        retail_discount=retail,
        coupon_discount=coupon,
        coupon_match_discount=match,
    )
