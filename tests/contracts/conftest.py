"""Every kind of log, and the ports of one: the suites run once for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from twofold.adapters.memory.log import open_memory_log
from twofold.adapters.sqlite.log import open_sqlite_log
from twofold.event_store.store import CommandQueue, EventStore, Log, Outcomes, Snapshots, Transactions
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.capabilities import LogBackend, LogCapabilities
from twofold.testing.faults import FaultyLog, NoFaults

DURABLE = LogCapabilities(durable=True, shared=True, transactions=True)
FLEETING = LogCapabilities(durable=False, shared=False, transactions=False)


@dataclass
class OpenableLog:
    """A place for a log, and how it is opened."""

    capabilities: LogCapabilities
    opener: Callable[[ManualClock], Awaitable[Log]]
    clock: ManualClock = field(default_factory=ManualClock)

    async def open(self) -> Log:
        return await self.opener(self.clock)


def memory(_folder: Path) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return open_memory_log(clock)

    return OpenableLog(FLEETING, opener)


def sqlite(folder: Path) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return await open_sqlite_log(str(folder / "log.db"), clock)

    return OpenableLog(DURABLE, opener)


def faulty(inner: OpenableLog) -> OpenableLog:
    async def opener(clock: ManualClock) -> Log:
        return FaultyLog(await inner.opener(clock), NoFaults())

    return OpenableLog(inner.capabilities, opener)


LOGS: dict[str, Callable[[Path], OpenableLog]] = {
    "memory": memory,
    "sqlite": sqlite,
    "faulty-memory": lambda folder: faulty(memory(folder)),
    "faulty-sqlite": lambda folder: faulty(sqlite(folder)),
}
WITH_TRANSACTIONS = [name for name in LOGS if name.endswith("sqlite")]


@pytest.fixture(params=LOGS)
def log_backend(request: pytest.FixtureRequest, tmp_path: Path) -> LogBackend:
    return LOGS[request.param](tmp_path)


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
def transactions(log: Log) -> Transactions:
    assert log.transactions is not None
    return log.transactions


@pytest.fixture
def clock(log_backend: LogBackend) -> ManualClock:
    return log_backend.clock
