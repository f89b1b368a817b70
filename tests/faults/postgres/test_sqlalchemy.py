"""SQLAlchemy inside a unit of work: its sessions live in twofold's transaction, and end with it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import ForeignKey, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload
from sqlalchemy.types import JSON

from tests.faults.postgres.doing import Do, Doing, events
from tests.faults.postgres.sessions import LEFT_OPEN, terminate, until
from tests.servers.databases import ask
from tests.servers.pgbouncer import pgbouncer
from twofold import App, Command, Config, ConflictError, OpenApp, Rejected, StoreUnavailableError, UnitOfWork, handles
from twofold.adapters.postgres import sqlalchemy
from twofold.adapters.postgres.sqlalchemy import connection_of, session_of
from twofold.errors import MisuseError


class Base(DeclarativeBase): ...


class Team(Base):
    __tablename__ = "team"
    name: Mapped[str] = mapped_column(primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    notes: Mapped[list[Any]] = mapped_column(JSON, default=list)
    members: Mapped[list[Member]] = relationship(back_populates="team")


class Member(Base):
    __tablename__ = "member"
    number: Mapped[int] = mapped_column(primary_key=True)
    team_name: Mapped[str] = mapped_column(ForeignKey("team.name"))
    team: Mapped[Team] = relationship(back_populates="members")


@pytest.fixture
async def shop(doing: Doing, tables_url: str) -> AsyncIterator[OpenApp]:
    config = Config(pool_size=4, conflict_attempts=3)
    async with doing.app.open(tables_url, views="memory://", config=config, workers=False) as shop:
        doing.does = create
        await shop.send(Do(number=0))
        yield shop


async def create(work: UnitOfWork, number: int) -> None:
    async with connection_of(work) as connection:
        await connection.run_sync(Base.metadata.create_all)


async def teams(url: str) -> list[str]:
    return [row[0] for row in await ask(url, "SELECT name FROM team ORDER BY name")]


async def test_objects_are_stored_with_the_events_and_loaded_again(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    loaded: list[Team] = []

    async def add(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            members = [Member(number=each) for each in range(3)]
            session.add(Team(name="red", facts={"a": [1, None]}, notes=["é", 1.5], members=members))

    async def load(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            loaded.extend(await session.scalars(select(Team).options(selectinload(Team.members))))

    for doing.does in (add, load):
        await shop.send(Do(number=1))

    (team,) = loaded
    assert (team.name, team.facts, team.notes) == ("red", {"a": [1, None]}, ["é", 1.5])
    assert [member.number for member in team.members] == [0, 1, 2]
    assert await events(shop) == 3


async def test_what_a_session_commits_is_rolled_back_with_the_unit_of_work(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def reject(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            session.add(Team(name="red"))
            await session.commit()
            session.add(Team(name="blue"))
        async with connection_of(work) as connection:
            await connection.execute(text("INSERT INTO team VALUES ('green', '{}', '[]')"))
            await connection.commit()
        raise Rejected("no", "No")

    doing.does = reject

    with pytest.raises(Rejected):
        await shop.send(Do())

    assert await teams(tables_url) == []


async def test_what_a_session_rolls_back_is_only_its_own(doing: Doing, shop: OpenApp, tables_url: str) -> None:
    async def halves(work: UnitOfWork, number: int) -> None:
        await work.connection.execute("INSERT INTO team VALUES ('before', '{}', '[]')")
        async with session_of(work) as session:
            session.add(Team(name="taken back"))
            await session.flush()
            await session.rollback()
            session.add(Team(name="kept"))
            async with session.begin_nested() as nested:
                session.add(Team(name="nested"))
                await nested.rollback()
        await work.connection.execute("INSERT INTO team VALUES ('after', '{}', '[]')")

    doing.does = halves
    await shop.send(Do())

    assert await teams(tables_url) == ["after", "before", "kept"]


async def test_a_violation_can_be_caught_around_a_session(doing: Doing, shop: OpenApp, tables_url: str) -> None:
    async def again(work: UnitOfWork, number: int) -> None:
        for name in ("red", "red", "blue"):
            with suppress(IntegrityError):
                async with session_of(work) as session:
                    session.add(Team(name=name))

    doing.does = again
    await shop.send(Do())

    assert await teams(tables_url) == ["blue", "red"]


async def test_a_violation_that_nobody_catches_comes_out_as_it_is_and_nothing_is_stored(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def orphan(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            session.add(Team(name="red"))
            session.add(Member(number=1, team_name="nobody"))

    doing.does = orphan

    with pytest.raises(IntegrityError):
        await shop.send(Do())

    assert await teams(tables_url) == []
    assert await events(shop) == 1


async def test_a_conflict_of_transactions_is_decided_again_and_then_answered(doing: Doing, shop: OpenApp) -> None:
    doing.runs = 0

    async def fail(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            await session.execute(text("DO $$ BEGIN RAISE deadlock_detected; END $$"))

    doing.does = fail

    with pytest.raises(ConflictError):
        await shop.send(Do())

    assert doing.runs == 3


async def test_a_lost_connection_is_typed_and_the_next_command_works(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def killed(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            await terminate(tables_url, await session.scalar(select(func.pg_backend_pid())) or 0)
            session.add(Team(name="red"))

    async def add(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            session.add(Team(name="blue"))

    doing.does = killed
    with pytest.raises(StoreUnavailableError):
        await shop.send(Do())
    doing.does = add
    await shop.send(Do())

    assert await teams(tables_url) == ["blue"]


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"])
async def test_a_handler_that_ends_the_transaction_by_sql_is_refused(
    doing: Doing, shop: OpenApp, statement: str
) -> None:
    async def hasty(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            session.add(Team(name="red"))
            await session.flush()
            await session.execute(text(statement))

    doing.does = hasty

    with pytest.raises(MisuseError, match="ended the transaction"):
        await shop.send(Do())

    assert await events(shop) == 1


async def test_another_isolation_level_is_refused_and_autocommit_commits_nothing(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    level = ["SERIALIZABLE"]

    async def stricter(work: UnitOfWork, number: int) -> None:
        async with connection_of(work) as connection:
            await connection.execution_options(isolation_level=level[0])
            await connection.execute(text("INSERT INTO team VALUES ('red', '{}', '[]')"))
        raise Rejected("no", "No")

    doing.does = stricter
    with pytest.raises(DBAPIError, match="different isolation level"):
        await shop.send(Do())
    level[0] = "AUTOCOMMIT"
    with pytest.raises(Rejected):
        await shop.send(Do())

    assert await teams(tables_url) == []


async def test_a_session_that_outlives_its_handler_reaches_nothing(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    kept: list[Any] = []

    async def keep(work: UnitOfWork, number: int) -> None:
        async with connection_of(work) as connection:
            kept.append(connection)

    doing.does = keep
    await shop.send(Do())

    with pytest.raises(InvalidRequestError):
        await kept[0].execute(text("SELECT 1"))


async def test_many_sessions_at_once_have_each_their_own_transaction(
    doing: Doing, shop: OpenApp, tables_url: str
) -> None:
    async def add(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            session.add(Team(name=f"{number:03}"))
            await session.flush()
            if number % 3 == 0:
                raise Rejected("third", "Every third is refused")

    doing.does = add
    answers = await asyncio.gather(*[shop.send(Do(number=n)) for n in range(60)], return_exceptions=True)

    assert sum(isinstance(answer, Rejected) for answer in answers) == 20
    assert await teams(tables_url) == [f"{n:03}" for n in range(60) if n % 3]
    await until(lambda rows: rows[0][0] == 0, tables_url, LEFT_OPEN)


async def test_sessions_work_through_pgbouncer(doing: Doing, shop: OpenApp, tables_url: str) -> None:
    async def add(work: UnitOfWork, number: int) -> None:
        async with session_of(work) as session:
            session.add(Team(name=f"{number:03}", facts={"number": number}))
            await session.flush()
            assert await session.scalar(select(Team.facts).where(Team.name == f"{number:03}")) == {"number": number}

    doing.does = add
    with pgbouncer(tables_url, pool=2) as url:
        config = Config(pool_size=4)
        async with doing.app.open(f"{url}&pgbouncer=true", views="memory://", config=config, workers=False) as behind:
            await asyncio.gather(*[behind.send(Do(number=n)) for n in range(20)])

    assert len(await teams(tables_url)) == 20


class Try(Command): ...


@handles
async def attempt(command: Try, work: UnitOfWork) -> None:
    async with session_of(work):
        pytest.fail("it has no session")


async def test_on_sqlite_it_says_what_to_use_instead(tmp_path) -> None:
    async with App("try", handlers=[attempt]).open(f"sqlite:///{tmp_path}/try.db", config=Config()) as shop:
        with pytest.raises(MisuseError, match=r"on SQLite use work\.connection"):
            await shop.send(Try())


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_sqlalchemy_the_error_names_the_pip_command() -> None:
    said = python(
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "try:\n    import twofold.adapters.postgres.sqlalchemy\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )

    assert said.startswith("ExtraMissingError")
    assert said.endswith('pip install "twofold[sqlalchemy]"')


def test_a_postgresql_log_does_not_import_sqlalchemy() -> None:
    assert python("import sys, twofold.adapters.postgres.opening; print('sqlalchemy' in sys.modules)") == "False"
    assert python("import sys, twofold.adapters.postgres.sqlalchemy; print('sqlalchemy' in sys.modules)") == "True"
    assert sqlalchemy.__name__ == "twofold.adapters.postgres.sqlalchemy"
