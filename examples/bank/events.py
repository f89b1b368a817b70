"""What has happened at the bank."""

from datetime import datetime
from decimal import Decimal

from twofold import Event


class AccountOpened(Event):
    owner: str
    initial_balance: Decimal
    at: datetime


class MoneyDeposited(Event):
    amount: Decimal
    at: datetime


class MoneyWithdrawn(Event):
    amount: Decimal
    at: datetime
