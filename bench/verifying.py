"""What it costs to compare rows with their events."""

from __future__ import annotations

import time
from decimal import Decimal

from bench.commands import deposits, open_accounts
from bench.domain import Account, AccountPage, Deposit, MoneyDeposited
from bench.history import fill
from bench.result import Result, result
from bench.store import Store
from twofold import App, Config, OpenApp, View, evolves

ROWS = 1000
ROUNDS = 4


class BySize(View, key="amount"):
    """For these rows all of the log has to be read."""

    amount: Decimal
    deposits: int = 0

    @evolves
    def deposited(self, _event: MoneyDeposited) -> None:
        """Count."""
        self.deposits += 1


app = App("bank", aggregates=[Account], views=[AccountPage, BySize])


async def rows(store: Store, events: int = 200_000) -> list[Result]:
    """Every row compared, without a rest: events folded again a second. The limit folds them by the bare driver."""
    url = store.url("verify")
    seconds = {}
    async with app.open(url, workers=False) as bank:
        await fill(bank, events, ROWS)
        await bank.run_until_idle()
        await store.settle(url)
        for view, count in ((AccountPage, ROWS), (BySize, 1)):
            started = time.perf_counter()
            found = await bank.verifier.verify(view.__name__)
            seconds[view] = time.perf_counter() - started
            assert (found.compared, found.drifts, found.why) == (count, {}, None), found.compared
    limit = await store.limits.fold(url, 2000)
    note = f"{ROWS / seconds[AccountPage]:,.0f} rows/s, each from its own stream"
    by_stream = result(f"verify.streams.{store.name}", events / seconds[AccountPage], limit, note=note)
    by_log = result(f"verify.log.{store.name}", events / seconds[BySize], limit, note="from the whole log")
    return [by_stream, by_log]


async def cost(store: Store, callers: int = 64, total: int = 24_000) -> Result:
    """Deposits while rows are folded and the verifier works without a pause, at its usual share; the limit: without it.

    Both are measured by turns, so that neither has the quiet machine for itself.
    """
    url = store.url("verify-cost")
    spent = {0.0: 0.0, 1.0: 0.0}
    times: list[float] = []
    async with app.open(url, workers=False) as bank:
        await fill(bank, 100_000, ROWS)
        await open_accounts(bank, callers)
        await bank.run_until_idle()
    for share in (0.0, 1.0) * ROUNDS:
        async with app.open(url, config=Config(verify_share=share, verify_every=0.001)) as bank:
            await _settled(bank)
            found, seconds = await deposits(bank, callers, total // callers // ROUNDS)
            spent[share] += seconds
            times += found if share else []
    return result(f"verify.cost.{store.name}", len(times) / spent[1.0], len(times) / spent[0.0], times, "deposits")


async def _settled(bank: OpenApp) -> None:
    """Its views are folded here, and as far as the log is."""
    token = (await bank.send(Deposit(account_id="c0", amount=Decimal(1)))).token
    await bank.reads.wait_for([AccountPage, BySize], token, 30)
