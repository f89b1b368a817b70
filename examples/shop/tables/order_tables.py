"""What the handlers of orders need of the tables, whichever database they are in."""

from typing import Any, Protocol

import apsw

from examples.shop.events import OrderPlaced
from examples.shop.order import Order
from examples.shop.tables.on_postgres import PostgresOrders
from examples.shop.tables.on_sqlite import SqliteOrders
from twofold import UnitOfWork


class OrderTables(Protocol):
    """The tables `orders`, `order_items` and `users` inside one transaction."""

    async def create(self) -> None:
        """Make the tables, those that are not there yet."""

    async def insert(self, placed: OrderPlaced) -> bool:
        """Store an order with its lines, and its customer when that is a new one. False: the order is there already."""

    async def find(self, order_id: str) -> Order | None:
        """The order as its rows tell it, or None. Nobody else changes it until the transaction has ended."""

    async def set_status(self, order_id: str, status: str) -> None:
        """Overwrite how far the order has come."""


def tables_in(work: UnitOfWork) -> OrderTables:
    """The tables in the database of *work*."""
    return tables_on(work.connection)


def tables_on(connection: Any) -> OrderTables:
    """The tables that *connection* sees: an apsw.Connection or an asyncpg.Connection."""
    return SqliteOrders(connection) if isinstance(connection, apsw.Connection) else PostgresOrders(connection)
