"""The account: its rules, and the state they need."""

from decimal import Decimal

from examples.bank.commands import Deposit, OpenAccount, Withdraw
from examples.bank.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from examples.bank.money import dollars, in_cents
from twofold import Aggregate, Rejected, decides, evolves

LARGEST_DEPOSIT = Decimal(1_000_000)


class Account(Aggregate, key="account_id"):
    balance: Decimal = Decimal(0)

    @decides(new=True)
    def open(self, command: OpenAccount) -> AccountOpened:
        if command.initial_balance < 0:
            raise Rejected("initial-balance-negative", "Initial balance cannot be negative")
        _check_cents(command.initial_balance)
        return AccountOpened(owner=command.owner, initial_balance=command.initial_balance, at=command.at)

    @decides
    def deposit(self, command: Deposit) -> MoneyDeposited:
        if command.amount <= 0:
            raise Rejected("amount-not-positive", "Deposit amount must be positive")
        if command.amount > LARGEST_DEPOSIT:
            raise Rejected("deposit-too-large", f"Single deposit cannot exceed {dollars(LARGEST_DEPOSIT)}")
        _check_cents(command.amount)
        return MoneyDeposited(amount=command.amount, at=command.at)

    @decides
    def withdraw(self, command: Withdraw) -> MoneyWithdrawn:
        if command.amount <= 0:
            raise Rejected("amount-not-positive", "Withdrawal amount must be positive")
        _check_cents(command.amount)
        if command.amount > self.balance:
            raise Rejected(
                "insufficient-funds",
                f"{dollars(command.amount)} is more than the balance of {dollars(self.balance)}",
                balance=str(self.balance),
            )
        return MoneyWithdrawn(amount=command.amount, at=command.at)

    @evolves
    def opened(self, event: AccountOpened) -> None:
        self.balance = event.initial_balance

    @evolves
    def deposited(self, event: MoneyDeposited) -> None:
        self.balance += event.amount

    @evolves
    def withdrawn(self, event: MoneyWithdrawn) -> None:
        self.balance -= event.amount


def _check_cents(amount: Decimal) -> None:
    if not in_cents(amount):
        raise Rejected("amount-not-in-cents", f"{amount} has a fraction of a cent")
