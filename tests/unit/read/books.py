"""A view with its rows, a hand in them, and a verifier."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.read.accounts import KEYS, Closed, Deposited, Opened, Page
from tests.unit.read.reading import Reading
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.read.drift import Drift
from twofold.read.findings import Findings
from twofold.read.follower import Paging
from twofold.read.past import Home, Past
from twofold.read.projector import ViewProjector
from twofold.read.view import View
from twofold.read.view_store import Key, StoredRow
from twofold.read.view_verifier import ViewVerifier
from twofold.testing.clock import ManualClock

ACCOUNTS = Home(("Account",), str)
HOMES: dict[type, Home] = {Opened: ACCOUNTS, Deposited: ACCOUNTS, Closed: ACCOUNTS}


class Books:
    """A view with its rows, a hand in them, and a verifier."""

    def __init__(self, reading: Reading, view: type[View] = Page, **options: Any) -> None:
        self.reading = reading
        self.projector: ViewProjector = reading.projector(view, keys=KEYS)
        self.store = reading.store
        assert isinstance(self.store, MemoryViewStore)
        homes: dict[type, Home] = options.pop("homes", HOMES)
        reader = reading.events(self.projector.definition.events)
        log = options.pop("log", reading.source)
        past = Past(log, reader, homes, paging=Paging(options.pop("page", 1000)))
        self.verifier = ViewVerifier(
            self.projector.definition, past, log, options.pop("store", self.store), ManualClock(), **options
        )
        self.findings = Findings(self.projector.name)

    async def edit(self, key: Key, position: int | None = None, **values: Any) -> None:
        """Change a row behind everybody's back."""
        copy = await self._copy()
        row = copy.rows[key]
        copy.rows[key] = StoredRow({**row.values, **values}, row.position if position is None else position)

    async def delete(self, key: Key) -> None:
        del (await self._copy()).rows[key]

    async def put(self, key: Key, row: StoredRow) -> None:
        (await self._copy()).put(key, row, 0)

    async def drifts(self, most: int | None = None) -> list[Drift]:
        """Everything is looked at once."""
        async for _ in self.verifier.round(self.findings, most):
            pass
        return list(self.findings.drifts.values())

    async def _copy(self) -> Any:
        table = self.projector.definition.table
        assert isinstance(self.store, MemoryViewStore)
        generation = await self.store.open_generation(table, self.reading.source.epoch)
        return self.store._of(generation)


async def busy(reading: Reading, accounts: int = 5) -> None:
    for number in range(accounts):
        await reading.append(f"Account-{number}", Opened(owner=str(number)), Deposited(amount=Decimal(number)))
    await reading.append("Account-0", Closed())
