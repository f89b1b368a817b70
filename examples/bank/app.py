"""The bank, put together. `twofold dev examples.bank.app:app` serves it."""

from examples.bank.account import Account
from examples.bank.queries import high_value_accounts, owner_portfolio
from examples.bank.views import AccountPage
from twofold import App

app = App("bank", aggregates=[Account], views=[AccountPage], queries=[high_value_accounts, owner_portfolio])
