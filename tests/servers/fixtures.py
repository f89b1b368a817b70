"""The servers of a run: started when the first test asks for one, gone at its end.

`TWOFOLD_TEST_POSTGRES` names servers of one's own instead, comma separated: the first takes the place of the wheel's,
the second that of Debian's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.left_out import need
from tests.servers.databases import Databases
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import DEBIAN, WHEEL, Installation, PostgresServer, from_debian, from_wheel

GIVEN = [url for url in os.environ.get("TWOFOLD_TEST_POSTGRES", "").split(",") if url]
POSTGRES = "postgres"
DEBIAN_POSTGRES = "debian-postgres"
FOUND: dict[str, tuple[str, Callable[[], Installation | None]]] = {
    POSTGRES: (WHEEL, from_wheel),
    DEBIAN_POSTGRES: (DEBIAN, from_debian),
}
OWN = dict(zip(FOUND, GIVEN, strict=False))


class Servers:
    """The servers that a run shares, by name."""

    def __init__(self) -> None:
        self._databases: dict[str, Databases] = {}
        self._pgbouncer: str | None = None
        self._stack = ExitStack()

    def databases(self, name: str = POSTGRES) -> Databases:
        """The databases of the server *name*; the running test is left out (in CI: fails) when there is none."""
        if name not in self._databases:
            self._databases[name] = self._stack.enter_context(databases_of(name))
        return self._databases[name]

    def through_pgbouncer(self, url: str) -> str:
        """The way to a database of the server POSTGRES through PgBouncer, with the switch that says so."""
        need("pgbouncer", "hands out a server's connections a transaction at a time")
        if self._pgbouncer is None:
            self._pgbouncer = self._stack.enter_context(pgbouncer(self.databases().url(), pool=12))
        parts = urlsplit(self._pgbouncer)
        return urlunsplit(parts._replace(path=urlsplit(url).path, query=f"{parts.query}&pgbouncer=true"))

    def close(self) -> None:
        """Stop what was started."""
        self._stack.close()


@contextmanager
def databases_of(name: str) -> Iterator[Databases]:
    if name in OWN:
        databases = Databases(OWN[name])
        yield databases
        databases.close()
    else:
        with PostgresServer.running(installation_of(name)) as server:
            yield server.databases


def installation_of(name: str) -> Installation | None:
    tool, find = FOUND[name]
    need(tool, f"runs the tests on {name}")
    return find()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers that all tests share."""
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture
def postgres_version() -> str:
    """Which server `postgres_url` is on; a test may parametrise it: POSTGRES (the default) or DEBIAN_POSTGRES."""
    return POSTGRES


@pytest.fixture
def postgres_url(servers: Servers, postgres_version: str) -> Iterator[str]:
    """The URL of a new, empty database, dropped afterwards."""
    with servers.databases(postgres_version).fresh() as url:
        yield url


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server of this test alone, which it may stop and freeze. Takes about half a second."""
    with PostgresServer.running(installation_of(POSTGRES)) as server:
        yield server
