"""Every kind of log, and the ports of one: the suites run once for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers.fixtures import DEBIAN_POSTGRES, POSTGRES, Servers
from tests.servers.prepared import with_log
from twofold.adapters.memory.log import open_memory_log
from twofold.adapters.postgres.log import open_postgres_log
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.app.measured.event_store import AppendMeasures, MeasuredEventStore
from twofold.event_store.leases import Leases
from twofold.event_store.store import CommandQueue, EventStore, Log, Outcomes, Snapshots, Transactions
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.capabilities import LogBackend, LogCapabilities
from twofold.testing.faults import FaultyLog, NoFaults

DURABLE = LogCapabilities(durable=True, shared=True, transactions=True)
CONCURRENT = LogCapabilities(durable=True, shared=True, transactions=True, concurrent_units=True)
FLEETING = LogCapabilities(durable=False, shared=False, transactions=False)


@dataclass
class OpenableLog:
    """A place for a log, and how it is opened."""

    capabilities: LogCapabilities
    opener: Callable[[ManualClock], Awaitable[Log]]
    clock: ManualClock = field(default_factory=ManualClock)

    async def open(self) -> Log:
        return await self.opener(self.clock)


class Ground:
    """Where a test's logs may be: a folder of its own, and databases of its own."""

    def __init__(self, folder: Path, servers: Servers, stack: ExitStack) -> None:
        self.folder = folder
        self._servers = servers
        self._stack = stack

    def database(self, server: str) -> str:
        """The URL of a database on *server* that has the log's schema already, and nothing else."""
        databases = self._servers.databases(server)
        return self._stack.enter_context(databases.fresh(databases.prepared(with_log)))

    def through_pgbouncer(self) -> str:
        """The URL of such a database on POSTGRES, through PgBouncer in transaction mode."""
        return self._servers.through_pgbouncer(self.database(POSTGRES))


def memory(_ground: Ground) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return open_memory_log(clock)

    return OpenableLog(FLEETING, opener)


def sqlite(ground: Ground) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return await open_sqlite_log(str(ground.folder / "log.db"), clock)

    return OpenableLog(DURABLE, opener)


def postgres(url: str) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return await open_postgres_log(url, clock)

    return OpenableLog(CONCURRENT, opener)


def faulty(inner: OpenableLog) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return FaultyLog(await inner.opener(clock), NoFaults())

    return OpenableLog(inner.capabilities, opener)


def measured(inner: OpenableLog) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        log = await inner.opener(clock)
        log.events = MeasuredEventStore(log.events, AppendMeasures())
        return log

    return OpenableLog(inner.capabilities, opener)


LOGS: dict[str, Callable[[Ground], OpenableLog]] = {
    "memory": memory,
    "sqlite": sqlite,
    "postgres": lambda ground: postgres(ground.database(POSTGRES)),
    "debian-postgres": lambda ground: postgres(ground.database(DEBIAN_POSTGRES)),
    "pgbouncer": lambda ground: postgres(ground.through_pgbouncer()),
    "faulty-memory": lambda ground: faulty(memory(ground)),
    "measured-memory": lambda ground: measured(memory(ground)),
    "faulty-sqlite": lambda ground: faulty(sqlite(ground)),
    "faulty-postgres": lambda ground: faulty(postgres(ground.database(POSTGRES))),
}
WITH_TRANSACTIONS = [name for name in LOGS if not name.endswith("memory")]


# What `make fast` leaves out: they keep the contract of what is inside them, or on another server or by another way.
SLOW = {"debian-postgres", "faulty-memory", "faulty-postgres", "faulty-sqlite", "pgbouncer"}
SLOW_VIEWS = {*SLOW, POSTGRES}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        stores = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if stores.get("log_backend") in SLOW or stores.get("view_store") in SLOW_VIEWS:
            item.add_marker("slow")


@pytest.fixture
def ground(tmp_path: Path, servers: Servers) -> Iterator[Ground]:
    with ExitStack() as stack:
        yield Ground(tmp_path, servers, stack)


@pytest.fixture(params=LOGS)
def log_backend(request: pytest.FixtureRequest, ground: Ground) -> LogBackend:
    return LOGS[request.param](ground)


@pytest.fixture
async def log(log_backend: LogBackend) -> AsyncIterator[Log]:
    log = await log_backend.open()
    yield log
    await log.close()


@pytest.fixture
def event_store(log: Log) -> EventStore:
    return log.events


@pytest.fixture
def outcomes(log: Log) -> Outcomes:
    return log.outcomes


@pytest.fixture
def snapshots(log: Log) -> Snapshots:
    return log.snapshots


@pytest.fixture
def queue(log: Log) -> CommandQueue:
    return log.queue


@pytest.fixture
def leases(log: Log) -> Leases:
    return log.leases


@pytest.fixture
def transactions(log: Log) -> Transactions:
    assert log.transactions is not None
    return log.transactions


@pytest.fixture
def clock(log_backend: LogBackend) -> ManualClock:
    return log_backend.clock
