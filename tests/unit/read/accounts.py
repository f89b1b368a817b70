"""The view that most tests of projectors run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.view import Gone, View


class Opened(Event):
    owner: str


class Deposited(Event):
    amount: Decimal


class Closed(Event):
    pass


class Unread(Event):
    text: str = ""


class Page(View, key="account_id"):
    account_id: str
    owner: str = ""
    balance: Decimal = Decimal(0)
    deposits: int = 0

    @evolves
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @evolves
    def deposited(self, event: Deposited) -> None:
        if event.amount == 666:
            self.owner = "half folded"
            raise ValueError("beast")
        self.balance += event.amount
        self.deposits += 1

    @evolves
    def closed(self, _event: Closed) -> type[Gone]:
        return Gone


KEYS: dict[type, str] = {Opened: "account_id", Deposited: "account_id", Closed: "account_id"}


async def run(projector: Any) -> int:
    steps = 0
    while await projector.step():
        steps += 1
    return steps
