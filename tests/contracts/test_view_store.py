"""Every view store keeps the contract of rows and checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES, Servers
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.adapters.postgres.view_store import open_postgres_views
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.app.stores import OpenViewStore
from twofold.testing.contracts.client_transactions import WhetherClientTransactionsContract
from twofold.testing.contracts.view_store.saving import GenerationContract, SaveContract, SnapshotOfAnswersContract
from twofold.testing.contracts.view_store.searching import (
    FilterContract,
    KeysetContract,
    OrderContract,
    RandomSearchContract,
)
from twofold.testing.contracts.view_store.values import KeyContract, NamesContract, ValuesContract


@pytest.fixture(params=["memory", "sqlite", POSTGRES, DEBIAN_POSTGRES])
async def view_store(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> AsyncIterator[OpenViewStore]:
    with ExitStack() as stack:
        match request.param:
            case "memory":
                store: OpenViewStore = MemoryViewStore()
            case "sqlite":
                store = await SqliteViewStore.open(str(tmp_path / "views.db"))
            case server:
                store = await open_postgres_views(stack.enter_context(servers.databases(server).fresh()))
        yield store
        await store.close()


class TestGenerations(GenerationContract): ...


class TestSaving(SaveContract): ...


class TestSnapshotOfAnswers(SnapshotOfAnswersContract): ...


class TestValues(ValuesContract): ...


class TestKeys(KeyContract): ...


class TestNames(NamesContract): ...


class TestFilters(FilterContract): ...


class TestOrder(OrderContract): ...


class TestKeyset(KeysetContract): ...


class TestRandomSearches(RandomSearchContract): ...


class TestWhetherClientTransactions(WhetherClientTransactionsContract): ...
