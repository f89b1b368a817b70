"""A small shop with all kinds of parts, and clients whose own books are the oracle of what must be there."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from twofold import (
    Aggregate,
    App,
    Command,
    Event,
    OpenApp,
    Rejected,
    Streams,
    View,
    decides,
    evolves,
    handles,
)


class Stock(Command):
    item: str
    amount: int
    price: Decimal


class Buy(Command):
    item: str
    buyer: str
    amount: int


class Swap(Command):
    """Moves stock of one item to another: two streams at once."""

    source: str
    target: str
    amount: int


class Stocked(Event):
    item: str
    amount: int
    price: Decimal


class Bought(Event):
    item: str
    buyer: str
    amount: int
    value: Decimal


class Swapped(Event):
    item: str
    amount: int


class Item(Aggregate, key="item", snapshot_every=5):
    left: int = 0
    price: Decimal = Decimal(0)

    @decides(existing=False)
    def stock(self, command: Stock) -> Stocked:
        return Stocked(item=command.item, amount=command.amount, price=command.price)

    @decides
    def buy(self, command: Buy) -> Bought:
        if command.amount > self.left:
            raise Rejected("sold-out", f"Only {self.left} left", left=self.left)
        return Bought(item=command.item, buyer=command.buyer, amount=command.amount, value=self.price * command.amount)

    @evolves
    def stocked(self, event: Stocked) -> None:
        self.left += event.amount
        self.price = event.price

    @evolves
    def bought(self, event: Bought) -> None:
        self.left -= event.amount

    @evolves
    def swapped(self, event: Swapped) -> None:
        self.left += event.amount


@handles
async def swap(command: Swap, streams: Streams) -> None:
    source = await streams.load(Item, command.source)
    await streams.load(Item, command.target)
    if source.left < command.amount:
        raise Rejected("sold-out", f"Only {source.left} left", left=source.left)
    streams.record(Item, command.source, Swapped(item=command.source, amount=-command.amount))
    streams.record(Item, command.target, Swapped(item=command.target, amount=command.amount))


class Shelf(View, key="item"):
    item: str
    left: int = 0
    sales: int = 0

    @evolves
    def stocked(self, event: Stocked) -> None:
        self.left += event.amount

    @evolves
    def bought(self, event: Bought) -> None:
        self.left -= event.amount
        self.sales += 1

    @evolves
    def swapped(self, event: Swapped) -> None:
        self.left += event.amount


class Customer(View, key="buyer"):
    buyer: str
    spent: Decimal = Decimal(0)

    @evolves
    def bought(self, event: Bought) -> None:
        self.spent += event.value


SHOP = App("shop", aggregates=[Item], handlers=[swap], views=[Shelf, Customer])


class Books:
    """What clients were told, added up without any of the folds above."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.prices: dict[str, Decimal] = {}
        self.sales: dict[str, int] = {}
        self.spent: dict[str, Decimal] = {}

    def note(self, command: Command) -> None:
        """*command* was accepted."""
        if isinstance(command, Stock):
            self.left[command.item] = self.left.get(command.item, 0) + command.amount
            self.prices[command.item] = command.price
        elif isinstance(command, Buy):
            self.left[command.item] -= command.amount
            self.sales[command.item] = self.sales.get(command.item, 0) + 1
            value = self.prices[command.item] * command.amount
            self.spent[command.buyer] = self.spent.get(command.buyer, Decimal(0)) + value
        elif isinstance(command, Swap):
            self.left[command.source] -= command.amount
            self.left[command.target] += command.amount

    def can(self, command: Command) -> bool:
        """Whether the rules allow *command* now."""
        if isinstance(command, Buy):
            return self.left.get(command.item, 0) >= command.amount
        return not isinstance(command, Swap) or self.left.get(command.source, 0) >= command.amount


async def send(shop: OpenApp, books: Books, key: str, command: Command) -> None:
    """Send one command and write in the books what came of it, which the books could foretell."""
    if not books.can(command):
        with pytest.raises(Rejected, match="left"):
            await shop.send(command, key=key)
        return
    await shop.send(command, key=key)
    books.note(command)


async def agrees(shop: OpenApp, books: Books) -> None:
    """Rows, aggregates and the raw log say what the books say; versions are whole; nothing is late."""
    await shop.run_until_idle()
    shelves = await shop.find(Shelf)
    customers = await shop.find(Customer)
    assert {row.item: row.left for row in shelves} == books.left
    assert {row.item: row.sales for row in shelves if row.sales} == books.sales
    assert {row.buyer: row.spent for row in customers} == books.spent
    assert {item: (await shop.load(Item, item)).left for item in books.left} == books.left
    events = (await shop.log.events.read_log(0, limit=100_000)).events
    versions: dict[str, int] = {}
    for event in events:
        versions[event.stream] = versions.get(event.stream, 0) + 1
        assert event.version == versions[event.stream]
    assert sum(event.type == "Bought" for event in events) == sum(books.sales.values())
    assert sum((Decimal(json.loads(e.data)["value"]) for e in events if e.type == "Bought"), Decimal(0)) == sum(
        books.spent.values(), Decimal(0)
    )
    assert (await shop.health()).ready


ERRANDS: list[Command] = [
    Stock(item="tea", amount=10, price=Decimal("1.10")),
    Stock(item="milk", amount=2, price=Decimal("0.35")),
    Buy(item="tea", buyer="ada", amount=3),
    Buy(item="milk", buyer="ada", amount=3),
    Swap(source="tea", target="milk", amount=4),
    Buy(item="milk", buyer="bob", amount=6),
    Swap(source="milk", target="tea", amount=1),
    Stock(item="tea", amount=1, price=Decimal("1.20")),
    Buy(item="tea", buyer="bob", amount=4),
]
