"""What the bank shows: one row an account."""

from datetime import datetime
from decimal import Decimal

from examples.bank.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from twofold import View, evolves


class AccountPage(View, key="account_id", index=("owner", "balance")):
    """An account as its owner sees it. Opening it is not counted as a transaction."""

    account_id: str
    owner: str = ""
    balance: Decimal = Decimal(0)
    transaction_count: int = 0
    created_at: datetime | None = None
    last_updated: datetime | None = None

    @evolves
    def opened(self, event: AccountOpened) -> None:
        self.owner = event.owner
        self.balance = event.initial_balance
        self.created_at = self.last_updated = event.at

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self._transact(event.amount, event.at)

    @evolves
    def withdrawn(self, event: MoneyWithdrawn) -> None:
        self._transact(-event.amount, event.at)

    def _transact(self, change: Decimal, at: datetime) -> None:
        self.balance += change
        self.transaction_count += 1
        self.last_updated = max(self.last_updated or at, at)
