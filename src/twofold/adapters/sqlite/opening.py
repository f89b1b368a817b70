"""Opens what an app keeps in SQLite files."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.adapters.sqlite import examining
from twofold.adapters.sqlite.log import SqliteLog, open_sqlite_log
from twofold.adapters.sqlite.migrations import SqliteSchema
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.clock import Clock
from twofold.config import Config
from twofold.runtime.finding import Finding


async def open_log(path: str, clock: Clock, config: Config) -> SqliteLog:
    """The log in the file at *path*. Raises as `open_sqlite_log` does."""
    return await open_sqlite_log(path, clock, synchronous=config.synchronous)


async def open_views(path: str, config: Config) -> SqliteViewStore:  # noqa: ARG001 - one shape for every technology
    """The view store in the file at *path*."""
    return await SqliteViewStore.open(path)


def schema(path: str, role: str, config: Config) -> SqliteSchema:  # noqa: ARG001 - one shape for every technology
    """The schema of the file at *path*."""
    return SqliteSchema(path, role)


async def examine(path: str, roles: Sequence[str], config: Config) -> list[Finding]:
    """What there is to say of the file at *path*."""
    return await examining.examine(path, roles, config)
