"""Every view store keeps the contract of rows and checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES, Servers
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.adapters.postgres.view_store import open_postgres_views
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.app.stores import OpenViewStore
from twofold.testing.contracts.client_reads import WhetherClientReadsContract
from twofold.testing.contracts.client_transactions import WhetherClientTransactionsContract
from twofold.testing.contracts.view_store.generations import (
    BuildContract,
    LabelContract,
    PauseContract,
    PromoteContract,
)
from twofold.testing.contracts.view_store.lookups import LookupRowsContract
from twofold.testing.contracts.view_store.parking import ParkingContract
from twofold.testing.contracts.view_store.saving import GenerationContract, SaveContract, SnapshotOfAnswersContract
from twofold.testing.contracts.view_store.searching import (
    FilterContract,
    KeysetContract,
    OrderContract,
    RandomSearchContract,
)
from twofold.testing.contracts.view_store.values import KeyContract, NamesContract, ValuesContract


@contextmanager
def database(servers: Servers, name: str) -> Iterator[str]:
    """The URL of a new database on the server *name*."""
    with servers.databases(POSTGRES if name == "pgbouncer" else name).fresh() as url:
        yield servers.through_pgbouncer(url) if name == "pgbouncer" else url


@pytest.fixture(scope="module")
def url_on(servers: Servers) -> Iterator[Callable[[str], str]]:
    """The URL of a database on a server, one for all tests: each has views of its own."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(database(servers, name)))


@pytest.fixture(params=["memory", "sqlite", POSTGRES, DEBIAN_POSTGRES, "pgbouncer"])
async def view_store(
    request: pytest.FixtureRequest, url_on: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[OpenViewStore]:
    match request.param:
        case "memory":
            store: OpenViewStore = MemoryViewStore()
        case "sqlite":
            store = await SqliteViewStore.open(str(tmp_path / "views.db"))
        case server:
            store = await open_postgres_views(url_on(server))
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


class TestWhetherClientReads(WhetherClientReadsContract): ...


class TestBuild(BuildContract): ...


class TestPromote(PromoteContract): ...


class TestLabel(LabelContract): ...


class TestPause(PauseContract): ...


class TestParking(ParkingContract): ...


class TestLookupRows(LookupRowsContract): ...
