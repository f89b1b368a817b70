"""Every log with units of work keeps their contract, and every log says whether it has them."""

from __future__ import annotations

import pytest

from tests.contracts.conftest import WITH_TRANSACTIONS
from twofold.testing.contracts.transactions import (
    ConcurrentUnitsContract,
    OneWriterContract,
    TransactionContract,
    WhetherTransactionsContract,
)

ONE_WRITER = [name for name in WITH_TRANSACTIONS if name.endswith("sqlite")]
CONCURRENT = [name for name in WITH_TRANSACTIONS if name not in ONE_WRITER]


class TestWhetherTransactions(WhetherTransactionsContract): ...


@pytest.mark.parametrize("log_backend", WITH_TRANSACTIONS, indirect=True)
class TestTransactions(TransactionContract): ...


@pytest.mark.parametrize("log_backend", ONE_WRITER, indirect=True)
class TestOneWriter(OneWriterContract): ...


@pytest.mark.parametrize("log_backend", CONCURRENT, indirect=True)
class TestConcurrentUnits(ConcurrentUnitsContract): ...
