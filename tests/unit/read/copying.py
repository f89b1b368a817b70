"""Versions of one view, and processes that run them over one log and one store, a step at a time."""

from __future__ import annotations

from typing import Any

from tests.unit.read.reading import Reading
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.copies import Copies, Policy
from twofold.read.define_view import define_view
from twofold.read.operations import Operated, ViewOperations
from twofold.read.projector import ViewProjector
from twofold.read.view import View
from twofold.read.view_store import Generation
from twofold.testing.clock import ManualClock

AT_ONCE = Policy(look_every=0.0)
BY_HAND = Policy(look_every=0.0, promote=False)


class Paid(Event):
    account_id: str
    amount: int


class Old(View, key="account_id", name="Account"):
    account_id: str
    total: int = 0

    @evolves
    def paid(self, event: Paid) -> None:
        self.total += event.amount


class New(View, key="account_id", name="Account"):
    account_id: str
    total: int = 0

    @evolves
    def paid(self, event: Paid) -> None:
        self.total += event.amount * 100


class Wider(View, key="account_id", name="Account"):
    account_id: str
    total: int = 0
    payments: int = 0

    @evolves
    def paid(self, event: Paid) -> None:
        self.total += event.amount
        self.payments += 1


class Failing(View, key="account_id", name="Account"):
    account_id: str
    total: int = 0

    @evolves
    def paid(self, event: Paid) -> None:
        if event.amount < 0:
            raise ValueError("negative")
        self.total += event.amount


class Process:
    """What one process with this code does about the view."""

    def __init__(self, reading: Reading, view: type[View], policy: Policy = AT_ONCE, **options: Any) -> None:
        self.reading = reading
        self.clock = ManualClock()
        self.definition = define_view(view)
        self.copies = Copies(
            self.definition.table, reading.source, reading.store, self._fold, policy=policy, clock=self.clock, **options
        )
        operated = {"Account": Operated(self.definition.table, 1)}
        self.operations = ViewOperations(operated, reading.source, reading.store)

    def _fold(self, generation: Generation) -> ViewProjector:
        reader = self.reading.events(self.definition.routes)
        return ViewProjector(self.definition, self.reading.source, reader, self.reading.store, generation=generation)

    async def run(self) -> None:
        """Steps until there is nothing to do."""
        while await self.copies.step():
            pass

    async def total(self, key: str = "ada") -> tuple[int | None, int]:
        """The total that readers see, and the number of the generation that says so."""
        found = await self.reading.store.get(self.definition.table, (key,), of=self.copies.answers_from())
        return (found.rows[0].values["total"] if found.rows else None), found.generation


async def pay(reading: Reading, *amounts: int, key: str = "ada") -> None:
    for amount in amounts:
        await reading.append(f"Account-{key}", Paid(account_id=key, amount=amount))


async def statuses(process: Process) -> dict[int, str]:
    kept = (await process.operations.sight("Account")).kept
    return {each.generation.number: each.generation.status for each in kept}
