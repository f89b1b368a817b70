"""Every implementation of a port of the log runs its suite, every suite is bound, and nothing is overridden."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import twofold.adapters
import twofold.testing.contracts
from tests.contracts.conftest import LOGS, Ground
from twofold.event_store.bulk import Bulk
from twofold.event_store.leases import Leases
from twofold.event_store.store import CommandQueue, EventStore, Log, Outcomes, Snapshot, Snapshots, Transactions

PORTS = [Bulk, CommandQueue, EventStore, Leases, Log, Outcomes, Snapshots, Transactions]
BINDINGS = Path(__file__).parent


def modules_below(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def classes_of(module: ModuleType) -> list[type]:
    return [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]


def methods_of(kind: type) -> dict[str, list[str]]:
    """The names of the public methods of *kind*, each with the names of its parameters."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(member).parameters) for name, member in found if not name.startswith("_")}


def implements(kind: type, port: type) -> bool:
    """Whether *kind* is an implementation of *port*: told by its methods, and for a log by its ports too."""
    if port is Log:
        return "close" in dir(kind) and "self.transactions" in inspect.getsource(kind)
    return methods_of(port).items() <= methods_of(kind).items()


@pytest.mark.parametrize("port", PORTS)
async def test_every_implementation_in_the_adapters_is_opened_by_the_suite(port: type, ground: Ground) -> None:
    adapters = [kind for module in modules_below(twofold.adapters) for kind in classes_of(module)]
    existing = {kind for kind in adapters if implements(kind, port)}

    opened: set[type] = set()
    for place in [place for name, place in LOGS.items() if name not in {"debian-postgres", "pgbouncer"}]:
        log = await place(ground).open()
        parts = (log, log.events, log.outcomes, log.snapshots, log.queue, log.leases, log.bulk, log.transactions)
        opened |= {type(part) for part in parts}
        await log.close()

    assert existing, f"nothing implements {port.__name__}: does the search still work?"
    assert existing <= opened


def test_every_contract_of_the_log_is_bound_and_nothing_is_added_to_it() -> None:
    contracts = {
        kind
        for module in modules_below(twofold.testing.contracts)
        for kind in classes_of(module)
        if kind.__name__.endswith("Contract")
    }
    bound: set[type] = set()
    for file in sorted(BINDINGS.glob("test_*.py")):
        for binding in classes_of(importlib.import_module(f"tests.contracts.{file.stem}")):
            if not contracts.isdisjoint(binding.__bases__):
                bound |= set(binding.__bases__)
                added = {name for name in vars(binding) if not name.startswith("__")} - {"pytestmark"}
                assert not added, f"{binding.__name__} adds {added}: it belongs into the contract"

    assert bound >= contracts


def test_an_implementation_that_nobody_binds_would_be_found() -> None:
    class Forgotten:
        async def load(self, stream: str, fingerprint: str, up_to: int | None = None) -> None: ...
        async def save(self, snapshot: Snapshot) -> None: ...

    class Unlike:
        async def load(self) -> None: ...
        async def save(self) -> None: ...

    assert implements(Forgotten, Snapshots)
    assert not implements(Forgotten, Outcomes)
    assert not implements(Unlike, Snapshots)
