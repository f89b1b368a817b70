"""URLs of PostgreSQL databases, right and wrong, and what is ever shown of them."""

from __future__ import annotations

from collections.abc import Iterator
from socket import create_server

import asyncpg
import pytest

from tests.servers.postgres import PostgresServer
from twofold.adapters.postgres.address import parse_address
from twofold.adapters.postgres.database import Database
from twofold.adapters.postgres.errors import translate, translate_connecting
from twofold.adapters.postgres.settings import faults_of
from twofold.errors import ConfigError, MisuseError, StoreUnavailableError, StoreUnusableError

SOUND = {
    "version_number": 140_000,
    "postgresql": "14.0",
    "is_replica": False,
    "encoding": "UTF8",
    "fsync": "on",
    "synchronous_commit": "on",
}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:s3cret@db/shop", "postgresql://ada@db/shop"),
        ("postgresql://ada:s3c%2Fret@db:5433/shop", "postgresql://ada@db:5433/shop"),
        ("postgresql://ada:s3cret@one:1,two:2/shop", "postgresql://ada@one:1,two:2/shop"),
        ("postgresql://ada:s3cret@[::1]:5433/shop", "postgresql://ada@[::1]:5433/shop"),
        ("postgresql://ada@/shop?host=/run/postgresql", "postgresql://ada@/shop?host=/run/postgresql"),
        ("postgresql://db/shop?user=ada&password=s3cret", "postgresql://db/shop?user=ada"),
        ("postgresql://db/shop?pgbouncer=true", "postgresql://db/shop"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert parse_address(url).name == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3c#ret@db/shop",
        "postgresql://ada:s3c/ret@db/shop",
        "postgresql://ada:s3c?ret@db/shop",
        "postgresql://ada:s3c@ret@db/shop",
        "postgresql://ada:[s3cret@db/shop",
        "postgresql://ada:123/s3cret@db/shop",
        "postgresql://ada:s3cret@db:port/shop",
        "postgresql://ada:s3cret@db:99999/shop",
        "postgresql://ada:s3cret@db:0/shop",
        "postgresql://ada:s3cret@one:1,two:x/shop",
    ],
)
def test_a_url_that_a_password_has_cut_in_two_is_refused_without_showing_any_of_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(url)

    assert "/ as %2F" in str(caught.value)
    assert not any(part in str(caught.value) for part in ("s3c", "ret@", "123"))


async def test_what_only_the_driver_finds_wrong_in_a_url_is_not_shown_either() -> None:
    with pytest.raises(ConfigError) as caught:
        await Database.open("postgresql:///shop?host=db&port=s3cret")

    assert "s3cret" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_not_called_a_full_pool() -> None:
    with create_server(("127.0.0.1", 0)) as silent, pytest.raises(StoreUnavailableError) as caught:
        await Database.open(f"postgresql://ada:s3cret@127.0.0.1:{silent.getsockname()[1]}/shop", wait=0.05)

    assert "the server did not answer within 0.05 s" in str(caught.value)


async def test_a_setting_that_the_server_does_not_take_is_a_fault_of_the_url(postgres_url: str) -> None:
    for wrong in ("colour=red", "statement_timeout=soon"):
        with pytest.raises(ConfigError, match="does not take a setting in its URL"):
            await Database.open(f"{postgres_url}{'&' if '?' in postgres_url else '?'}{wrong}")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (asyncpg.ProtocolViolationError("unsupported startup parameter: x"), ConfigError, "add pgbouncer=true"),
        (asyncpg.InvalidPasswordError("no"), StoreUnusableError, "check user and password"),
        (asyncpg.InvalidCatalogNameError("no"), StoreUnusableError, "create the database first"),
        (asyncpg.TooManyConnectionsError("no"), StoreUnavailableError, "raise max_connections"),
        (ConnectionRefusedError("no"), StoreUnavailableError, "check that it runs"),
        (asyncpg.PostgresError("what\nDETAIL: why"), MisuseError, "what; DETAIL: why"),
    ],
)
def test_an_error_of_connecting_says_what_to_do(error: Exception, kind: type[Exception], said: str) -> None:
    translated = translate_connecting(error, "postgresql://ada@db/shop")

    assert type(translated) is kind
    assert said in str(translated)


def test_the_same_error_of_a_statement_is_not_laid_to_the_url() -> None:
    assert isinstance(translate(asyncpg.UndefinedObjectError("no"), "db"), MisuseError)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"version_number": 130_014, "postgresql": "13.14"}, "PostgreSQL 13.14 is too old; 14 and later"),
        ({"is_replica": True}, "it is a replica; name the primary"),
        ({"encoding": "LATIN1"}, "its encoding is LATIN1; create the database with ENCODING 'UTF8'"),
        ({"fsync": "off"}, "fsync is off; set it on"),
        ({"synchronous_commit": "off"}, "synchronous_commit is off; set it on"),
    ],
)
def test_a_server_that_would_lose_data_is_refused_with_what_to_do(wrong: dict[str, object], said: str) -> None:
    assert faults_of(SOUND) == []
    assert [said in fault for fault in faults_of({**SOUND, **wrong})] == [True]


@pytest.fixture(scope="module")
def careless() -> Iterator[PostgresServer]:
    with PostgresServer.running(settings={"fsync": "off", "synchronous_commit": "off"}) as server:
        yield server


async def test_a_careless_server_is_refused_with_all_that_is_wrong(careless: PostgresServer) -> None:
    with pytest.raises(StoreUnusableError) as caught:
        await Database.open(careless.databases.url())

    assert "fsync is off" in str(caught.value)
    assert "synchronous_commit is off" in str(caught.value)


async def until_refused(url: str) -> None:
    """Until the server has read its new rules, anybody may come in."""
    while True:
        database = await Database.open(url)
        await database.close()


async def test_a_login_that_is_refused_says_so_without_the_password(own_postgres: PostgresServer) -> None:
    rules = "VALUES ('local all postgres trust'), ('local all all scram-sha-256')"
    for statement in (
        "CREATE ROLE ada LOGIN PASSWORD 'right'",
        f"COPY ({rules}) TO '{own_postgres.folder}/data/pg_hba.conf'",
        "SELECT pg_reload_conf()",
    ):
        own_postgres.databases.ask(statement)

    with pytest.raises(StoreUnusableError) as caught:
        await until_refused(own_postgres.databases.url().replace("postgres@", "ada:s3cret@"))

    assert "refused the login; check user and password" in str(caught.value)
    assert "s3cret" not in str(caught.value)
