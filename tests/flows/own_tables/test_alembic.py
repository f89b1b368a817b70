"""A team's migration tool beside twofold's migrations: each changes what it has made, in any order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, ForeignKey, Integer, MetaData, Table, Text, create_engine, inspect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.flows.own_tables.making import everything_twofold_does, schemas
from tests.servers.fixtures import POSTGRES

OURS = MetaData()
Table("product", OURS, Column("sku", Text, primary_key=True))
Table(
    "stock",
    OURS,
    Column("sku", Text, ForeignKey("product.sku"), primary_key=True),
    Column("free", Integer, nullable=False),
)

ENVIRONMENT = """
from alembic import context
context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
"""
FIRST = """
from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, Text

revision, down_revision = "1", None

def upgrade():
    op.create_table("product", Column("sku", Text, primary_key=True))
    sku = Column("sku", Text, ForeignKey("product.sku"), primary_key=True)
    op.create_table("stock", sku, Column("amount", Integer, nullable=False))

def downgrade():
    op.drop_table("stock")
    op.drop_table("product")
"""
SECOND = """
from alembic import op

revision, down_revision = "2", "1"

def upgrade():
    with op.batch_alter_table("stock") as stock:
        stock.alter_column("amount", new_column_name="free")

def downgrade():
    with op.batch_alter_table("stock") as stock:
        stock.alter_column("free", new_column_name="amount")
"""


class Team:
    """A team with Alembic on the database at *url*."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._config = AlembicConfig()
        self._config.set_main_option("script_location", str(folder))
        (folder / "versions").mkdir(parents=True)
        for name, text in (("env.py", ENVIRONMENT), ("versions/1.py", FIRST), ("versions/2.py", SECOND)):
            (folder / name).write_text(text)

    async def upgrade(self, revision: str = "head") -> None:
        await self._on_connection(lambda connection: command.upgrade(self._with(connection), revision))

    async def downgrade(self, revision: str) -> None:
        await self._on_connection(lambda connection: command.downgrade(self._with(connection), revision))

    async def differences(self, **options: Any) -> list[Any]:
        """What Alembic would change, so that the database is as the team's models say."""
        found: list[Any] = await self._on_connection(
            lambda connection: compare_metadata(MigrationContext.configure(connection, opts=options), OURS)
        )
        return found

    async def tables(self) -> set[str]:
        return set(await self._on_connection(lambda connection: inspect(connection).get_table_names()))

    def _with(self, connection: Connection) -> AlembicConfig:
        self._config.attributes["connection"] = connection
        return self._config

    async def _on_connection(self, job: Callable[[Connection], Any]) -> Any:
        if self._url.startswith("sqlite"):
            with create_engine(self._url, poolclass=NullPool).begin() as connection:
                return job(connection)
        engine = create_async_engine(self._url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool)
        async with engine.begin() as connection:
            return await connection.run_sync(job)


@pytest.fixture(params=["sqlite", POSTGRES])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == POSTGRES:
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def team(url: str, tmp_path: Path) -> Team:
    return Team(url, tmp_path / "alembic")


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    """What the how-to page says to write into env.py."""
    return kind != "table" or name in OURS.tables


async def test_both_migrate_one_database_in_turns(url: str, team: Team) -> None:
    await everything_twofold_does(url)
    await team.upgrade("1")
    await everything_twofold_does(url)
    await team.upgrade("2")
    assert await team.differences(include_name=is_ours) == []

    await everything_twofold_does(url)
    await team.downgrade("base")

    assert not await team.tables() & {"product", "stock"}
    assert [await schema.pending() for schema in schemas(url)] == [[], []]
    await everything_twofold_does(url)


async def test_on_postgresql_the_team_may_come_first(postgres_url: str, tmp_path: Path) -> None:
    team = Team(postgres_url, tmp_path / "alembic")
    await team.upgrade()

    await everything_twofold_does(postgres_url)

    assert await team.tables() == {"alembic_version", "product", "stock"}
    assert await team.differences() == []


async def test_alembic_leaves_twofolds_tables_out_when_told_what_is_the_teams(url: str, team: Team) -> None:
    """The control: with every schema in sight, or in one file, it would drop the log."""
    await everything_twofold_does(url)
    await team.upgrade()
    everywhere = {"include_schemas": True} if url.startswith("postgresql") else {}

    careless = [change for change in await team.differences(**everywhere) if change[0] == "remove_table"]

    assert {"events", "outcomes"} <= {change[1].name for change in careless}
    assert await team.differences(**everywhere, include_name=is_ours) == []
