"""The bank in use: open an account, put money in, look at it, look at all its owner has.

Run it with `python -m examples.bank.usage`; it keeps nothing.
"""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from examples.bank.app import app
from examples.bank.commands import Deposit, OpenAccount
from examples.bank.money import dollars
from examples.bank.queries import OwnerPortfolio
from examples.bank.views import AccountPage


async def example_usage(url: str = "memory://") -> None:
    """Print the account's balance and the portfolio's value, both read after one's own write."""
    async with app.open(url) as bank:
        now = datetime.now(UTC)
        await bank.send(OpenAccount(account_id="ACC-001", owner="John Doe", initial_balance=Decimal("1000.0"), at=now))
        receipt = await bank.send(Deposit(account_id="ACC-001", amount=Decimal("50000.0"), at=now))

        account = await bank.get(AccountPage, "ACC-001", after=receipt.token)
        print(f"Account balance: {dollars(account.balance)}")

        portfolio = await bank.ask(OwnerPortfolio(owner="John Doe"), after=receipt.token)
        print(f"Total portfolio value: {dollars(portfolio.total_balance)}")


if __name__ == "__main__":
    asyncio.run(example_usage())
