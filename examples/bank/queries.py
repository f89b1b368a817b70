"""What the bank can be asked."""

from decimal import Decimal

import msgspec

from examples.bank.views import AccountPage
from twofold import Query, Rows, answers

HIGH_VALUE = Decimal(100_000)
MOST_AT_ONCE = 1000


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """What one owner has at the bank."""

    owner: str
    account_count: int
    total_balance: Decimal
    accounts: list[AccountPage]


class OwnerPortfolio(Query[Portfolio], route="GET /owners/{owner}/portfolio"):
    owner: str


class HighValueAccounts(Query[list[AccountPage]], route="GET /high-value-accounts"):
    """Accounts that hold the amount now: one that was emptied again is not among them."""

    at_least: Decimal = HIGH_VALUE


@answers
async def owner_portfolio(query: OwnerPortfolio, accounts: Rows[AccountPage]) -> Portfolio:
    """Every account of one owner, however many. An owner without any has an empty portfolio."""
    owned: list[AccountPage] = []
    page = await accounts.page(accounts.c.owner == query.owner)
    owned += page.items
    while page.next:
        page = await accounts.page(accounts.c.owner == query.owner, cursor=page.next)
        owned += page.items
    return Portfolio(
        owner=query.owner,
        account_count=len(owned),
        total_balance=sum((account.balance for account in owned), Decimal(0)),
        accounts=owned,
    )


@answers
async def high_value_accounts(query: HighValueAccounts, accounts: Rows[AccountPage]) -> list[AccountPage]:
    """The richest first, at most a thousand of them."""
    return await accounts.find(accounts.c.balance >= query.at_least, order_by="-balance", limit=MOST_AT_ONCE)
