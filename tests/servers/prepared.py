"""What databases are prepared with before tests get copies of them."""

from __future__ import annotations

from twofold.adapters.postgres.log import open_postgres_log


async def with_log(url: str) -> None:
    """The schema of an empty log."""
    log = await open_postgres_log(url)
    await log.close()
