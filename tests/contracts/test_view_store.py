"""Every view store keeps the contract of rows and checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.testing.contracts.view_store.saving import GenerationContract, SaveContract, SnapshotOfAnswersContract
from twofold.testing.contracts.view_store.searching import (
    FilterContract,
    KeysetContract,
    OrderContract,
    RandomSearchContract,
)
from twofold.testing.contracts.view_store.values import KeyContract, NamesContract, ValuesContract


@pytest.fixture(params=["memory", "sqlite"])
async def view_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[MemoryViewStore | SqliteViewStore]:
    store = MemoryViewStore() if request.param == "memory" else await SqliteViewStore.open(str(tmp_path / "views.db"))
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
