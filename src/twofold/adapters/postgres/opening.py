"""Opens what an app keeps in PostgreSQL databases."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.adapters.postgres import examining
from twofold.adapters.postgres.database import IDLE_SECONDS
from twofold.adapters.postgres.log import PostgresLog, open_postgres_log
from twofold.adapters.postgres.migrations import PostgresSchema, Role
from twofold.adapters.postgres.view_store import PostgresViewStore, open_postgres_views
from twofold.clock import Clock
from twofold.config import Config
from twofold.runtime.finding import Finding


async def open_log(url: str, clock: Clock, config: Config) -> PostgresLog:
    """The log in the database at *url*. Raises as `open_postgres_log` does."""
    return await open_postgres_log(
        url, clock, pool_size=config.pool_size, wait=config.pool_wait, idle=IDLE_SECONDS + config.unit_of_work
    )


async def open_views(url: str, config: Config) -> PostgresViewStore:
    """The view store in the database at *url*. Raises as `open_postgres_views` does."""
    return await open_postgres_views(url, pool_size=config.pool_size, wait=config.pool_wait)


def schema(url: str, role: Role, config: Config) -> PostgresSchema:
    """The schema of the database at *url*."""
    return PostgresSchema(url, role, wait=config.pool_wait)


async def examine(url: str, roles: Sequence[Role], config: Config) -> list[Finding]:
    """What there is to say of the database at *url*."""
    return await examining.examine(url, roles, config)
