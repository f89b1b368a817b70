"""The stores that every flow runs on, unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.fixtures import POSTGRES


def url_on(store: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if store == POSTGRES:
        return str(request.getfixturevalue("postgres_url"))
    return "memory://" if store == "memory" else f"sqlite:///{folder}/log.db"


@pytest.fixture(params=["memory", "sqlite", POSTGRES])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of every kind."""
    return url_on(request.param, tmp_path, request)


@pytest.fixture(params=["sqlite", POSTGRES])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of every kind that is there when it is opened again, and in other processes."""
    return url_on(request.param, tmp_path, request)
