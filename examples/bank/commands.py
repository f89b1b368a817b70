"""What the bank can be asked to do. Times are business time: when it happened at the counter, told by the caller."""

from datetime import datetime
from decimal import Decimal

from twofold import Command


class OpenAccount(Command):
    account_id: str
    owner: str
    at: datetime
    initial_balance: Decimal = Decimal(0)


class Deposit(Command):
    account_id: str
    amount: Decimal
    at: datetime


class Withdraw(Command):
    account_id: str
    amount: Decimal
    at: datetime
