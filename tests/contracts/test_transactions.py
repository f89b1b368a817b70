"""Every log with units of work keeps their contract, and every log says whether it has them."""

from __future__ import annotations

import pytest

from tests.contracts.conftest import WITH_TRANSACTIONS
from twofold.testing.contracts.transactions import TransactionContract, WhetherTransactionsContract


class TestWhetherTransactions(WhetherTransactionsContract): ...


@pytest.mark.parametrize("log_backend", WITH_TRANSACTIONS, indirect=True)
class TestTransactions(TransactionContract): ...
