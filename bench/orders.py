"""A state-stored domain: orders and their items in tables of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twofold import App, Command, Event, UnitOfWork, handles

TABLES = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL);
CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders, line integer NOT NULL, product text NOT NULL, quantity integer NOT NULL,
    PRIMARY KEY (order_id, line));
"""
ORDER = "INSERT INTO orders VALUES ($1, $2)"
ITEM = "INSERT INTO order_items VALUES ($1, $2, $3, $4)"


class PlaceOrder(Command):
    """Order two things."""

    order_id: int
    customer: str


class OrderPlaced(Event):
    """Two things were ordered."""

    customer: str


def items_of(order: int) -> list[tuple[int, int, str, int]]:
    """The rows of an order's items."""
    return [(order, line, f"sku-{line}", 1) for line in (1, 2)]


@handles(OrderPlaced)
async def on_sqlite(command: PlaceOrder, work: UnitOfWork) -> None:
    """With apsw."""
    work.connection.execute(ORDER, (command.order_id, command.customer))
    work.connection.executemany(ITEM, items_of(command.order_id))
    work.publish("Order", command.order_id, OrderPlaced(customer=command.customer))


@handles(OrderPlaced)
async def on_postgres(command: PlaceOrder, work: UnitOfWork) -> None:
    """With asyncpg."""
    await work.connection.execute(ORDER, command.order_id, command.customer)
    await work.connection.executemany(ITEM, items_of(command.order_id))
    work.publish("Order", command.order_id, OrderPlaced(customer=command.customer))


HANDLERS: dict[str, Callable[[PlaceOrder, UnitOfWork], Awaitable[None]]] = {
    "sqlite": on_sqlite,
    "postgres": on_postgres,
}


def orders_in(kind: str) -> App:
    """The app whose handler speaks to this kind of database."""
    return App("orders", handlers=[HANDLERS[kind]])
