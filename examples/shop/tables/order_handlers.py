"""Orders kept in tables: each handler changes rows and publishes what happened, in one transaction.

The rules are those of `Order`; only where its state comes from is another: from rows, and not from events.
"""

from collections.abc import Callable
from typing import Any

from examples.shop.commands import CancelOrder, PayOrder, PlaceOrder, ShipOrder
from examples.shop.events import OrderCancelled, OrderPaid, OrderPlaced, OrderShipped
from examples.shop.order import Order
from examples.shop.tables.order_tables import tables_in
from twofold import AlreadyExistsError, StreamNotFoundError, UnitOfWork, handles

Change = PayOrder | ShipOrder | CancelOrder


@handles(OrderPlaced)
async def place(command: PlaceOrder, work: UnitOfWork) -> None:
    orders = tables_in(work)
    if await orders.find(command.order_id) is not None:
        raise AlreadyExistsError(f"Order-{command.order_id}")
    event = Order().place(command)
    if not await orders.insert(event):
        raise AlreadyExistsError(f"Order-{command.order_id}")
    work.publish("Order", command.order_id, event)


@handles(OrderPaid)
async def pay(command: PayOrder, work: UnitOfWork) -> None:
    await _change(command, work, Order.pay, Order.paid)


@handles(OrderShipped)
async def ship(command: ShipOrder, work: UnitOfWork) -> None:
    await _change(command, work, Order.ship, Order.shipped)


@handles(OrderCancelled)
async def cancel(command: CancelOrder, work: UnitOfWork) -> None:
    await _change(command, work, Order.cancel, Order.cancelled)


async def _change(
    command: Change, work: UnitOfWork, decide: Callable[[Order, Any], Any], evolve: Callable[[Order, Any], None]
) -> None:
    orders = tables_in(work)
    order = await orders.find(command.order_id)
    if order is None:
        raise StreamNotFoundError(f"Order-{command.order_id}")
    event = decide(order, command)
    evolve(order, event)
    await orders.set_status(command.order_id, order.status)
    work.publish("Order", command.order_id, event)
