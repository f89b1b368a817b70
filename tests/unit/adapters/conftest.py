"""An open view store in a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from twofold.adapters.sqlite.view_store import SqliteViewStore


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "views.db")


@pytest.fixture
async def store(path: str) -> AsyncIterator[SqliteViewStore]:
    store = await SqliteViewStore.open(path)
    yield store
    await store.close()
