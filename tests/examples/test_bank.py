from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from examples.bank.account import Account
from examples.bank.app import app
from examples.bank.commands import Deposit, OpenAccount, Withdraw
from examples.bank.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from examples.bank.money import dollars
from examples.bank.queries import HighValueAccounts, OwnerPortfolio, Portfolio, high_value_accounts, owner_portfolio
from examples.bank.usage import example_usage
from examples.bank.views import AccountPage
from tests.servers.fixtures import POSTGRES
from twofold import Rejected
from twofold.testing import memory_app, scenario

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LATER = AT + timedelta(days=1)
OPENED = AccountOpened(owner="Ada", initial_balance=Decimal(100), at=AT)


def deposit(amount: str) -> Deposit:
    return Deposit(account_id="ada", amount=Decimal(amount), at=LATER)


def withdraw(amount: str) -> Withdraw:
    return Withdraw(account_id="ada", amount=Decimal(amount), at=LATER)


def open_account(balance: str) -> OpenAccount:
    return OpenAccount(account_id="ada", owner="Ada", initial_balance=Decimal(balance), at=AT)


# --- the rules ----------------------------------------------------------------------------


@pytest.mark.parametrize("balance", ["0", "0.01", "1000"])
def test_an_account_opens_with_nothing_or_more(balance: str):
    scenario(Account).when(open_account(balance)).then(
        AccountOpened(owner="Ada", initial_balance=Decimal(balance), at=AT)
    )


@pytest.mark.parametrize(("balance", "code"), [("-0.01", "initial-balance-negative"), ("0.001", "amount-not-in-cents")])
def test_an_account_does_not_open_with_less_than_nothing_or_with_fractions_of_a_cent(balance: str, code: str):
    scenario(Account).when(open_account(balance)).then_rejected(code)


def test_an_account_opens_once():
    scenario(Account).given(OPENED).when(open_account("5")).then_rejected("already-exists")


def test_money_does_not_go_to_an_account_that_does_not_exist():
    scenario(Account).when(deposit("5")).then_rejected("not-found")


@pytest.mark.parametrize("amount", ["0.01", "50000.0", "1000000"])
def test_a_deposit_is_positive_and_at_most_a_million(amount: str):
    event = MoneyDeposited(amount=Decimal(amount), at=LATER)
    after = scenario(Account).given(OPENED).when(deposit(amount)).then(event)

    assert after.state.balance == 100 + Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount-not-positive"),
        ("-1", "amount-not-positive"),
        ("1000000.01", "deposit-too-large"),
        ("0.005", "amount-not-in-cents"),
    ],
)
def test_any_other_deposit_is_refused(amount: str, code: str):
    scenario(Account).given(OPENED).when(deposit(amount)).then_rejected(code)


def test_the_whole_balance_can_be_withdrawn():
    withdrawn = MoneyWithdrawn(amount=Decimal(100), at=LATER)
    after = scenario(Account).given(OPENED).when(withdraw("100")).then(withdrawn)

    after.when(withdraw("0.01")).then_rejected("insufficient-funds", balance="0")


@pytest.mark.parametrize(
    ("amount", "code"),
    [("100.01", "insufficient-funds"), ("0", "amount-not-positive"), ("1.001", "amount-not-in-cents")],
)
def test_no_more_than_the_balance_can_be_withdrawn(amount: str, code: str):
    scenario(Account).given(OPENED).when(withdraw(amount)).then_rejected(code)


# --- the view and the queries -------------------------------------------------------------


def test_a_page_counts_transactions_and_keeps_business_time():
    page = scenario(AccountPage).given(
        OPENED,
        MoneyDeposited(amount=Decimal("50.25"), at=LATER),
        MoneyWithdrawn(amount=Decimal(20), at=AT + timedelta(hours=1)),
        of="ada",
    )

    assert page.row("ada") == AccountPage(
        account_id="ada",
        owner="Ada",
        balance=Decimal("130.25"),
        transaction_count=2,
        created_at=AT,
        last_updated=LATER,
    )


def page_of(account_id: str, owner: str, balance: str) -> AccountPage:
    return AccountPage(account_id=account_id, owner=owner, balance=Decimal(balance))


async def test_a_portfolio_holds_every_account_of_its_owner_and_of_nobody_else():
    accounts = [page_of(f"{number:03}", "Ada", "0.10") for number in range(250)]

    asked = scenario(owner_portfolio).given(*accounts, page_of("x", "Bob", "7")).when(OwnerPortfolio(owner="Ada"))

    await asked.then(Portfolio(owner="Ada", account_count=250, total_balance=Decimal(25), accounts=accounts))


async def test_an_owner_without_accounts_has_an_empty_portfolio():
    empty = Portfolio(owner="Ada", account_count=0, total_balance=Decimal(0), accounts=[])

    await scenario(owner_portfolio).when(OwnerPortfolio(owner="Ada")).then(empty)


async def test_high_value_accounts_hold_a_hundred_thousand_or_more():
    rich, richer, almost = page_of("a", "A", "100000"), page_of("b", "B", "2e5"), page_of("c", "C", "99999.99")

    await scenario(high_value_accounts).given(rich, almost, richer).when(HighValueAccounts()).then([richer, rich])


async def test_an_account_that_was_emptied_is_of_high_value_no_more():
    async with memory_app(app) as bank:
        await bank.send(open_account("150000"))
        await bank.run_until_idle()
        assert [page.account_id for page in await bank.ask(HighValueAccounts())] == ["ada"]

        await bank.send(withdraw("60000"))
        await bank.run_until_idle()

        assert await bank.ask(HighValueAccounts()) == []


async def test_a_repeated_deposit_counts_once():
    async with memory_app(app) as bank:
        await bank.send(open_account("1"))
        for _ in range(3):
            await bank.send(deposit("10"), key="slip-1")
        with pytest.raises(Rejected, match="exists already"):
            await bank.send(open_account("1"))
        await bank.run_until_idle()

        page = await bank.get(AccountPage, "ada")

        assert (page.balance, page.transaction_count) == (Decimal(11), 1)


# --- the usage example --------------------------------------------------------------------


@pytest.mark.parametrize("store", ["memory", "sqlite", POSTGRES])
async def test_the_usage_example_prints_what_its_seed_prints(store: str, request, tmp_path, capsys):
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/bank.db"}

    await example_usage(urls.get(store) or request.getfixturevalue("postgres_url"))

    assert capsys.readouterr().out == "Account balance: $51,000.00\nTotal portfolio value: $51,000.00\n"


def test_dollars_are_printed_with_commas_and_two_digits():
    assert dollars(Decimal("1234567.5")) == "$1,234,567.50"
