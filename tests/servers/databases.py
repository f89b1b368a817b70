"""Fresh databases on a PostgreSQL server, made ahead of time and dropped behind the tests' backs."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

LATER = 3
LOST = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
Prepare = Callable[[str], Coroutine[Any, Any, None]]


class Databases:
    """The databases of the server at *url*, whose user may create and drop some."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prefix = f"test_{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._spares: dict[str, Future[str]] = {}
        self._prepared: dict[Prepare, str] = {}
        self._used: list[str] = []
        self._worker = ThreadPoolExecutor(1, "databases")
        self._loop = asyncio.Runner()  # the worker's
        self._connection: asyncpg.Connection | None = None

    def url(self, database: str = "postgres") -> str:
        """The URL of *database* on this server."""
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    def ask(self, statement: str, *values: object, database: str = "postgres") -> list[asyncpg.Record]:
        """The rows of *statement*, asked on a connection of its own. May be called inside an event loop: it blocks."""
        asked = ask(self.url(database), statement, *values)
        return self._worker.submit(lambda: self._loop.run(asked)).result()

    @contextmanager
    def fresh(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database that equals *template*; dropped later, whoever still uses it then.

        Later, because the server pauses for a tenth of a second when connections to it are only just closing.
        """
        spare = self._spares.pop(template, None) or self._create(template)
        database = spare.result()
        self._spares[template] = self._create(template)
        try:
            yield self.url(database)
        finally:
            self._used.append(database)
            if len(self._used) > LATER:
                self._drop(self._used.pop(0))

    def prepared(self, prepare: Prepare) -> str:
        """The name of a template that *prepare* has been at, given its URL; once for all that want it so."""
        if prepare not in self._prepared:
            template = self._create("template1").result()
            self._worker.submit(lambda: self._loop.run(prepare(self.url(template)))).result()
            self._prepared[prepare] = template
        return self._prepared[prepare]

    def close(self, *, drop: bool = True) -> None:
        """Drop what is left of it, unless the whole server goes."""
        if drop:
            spares = [spare.result() for spare in self._spares.values()]
            for database in [*self._used, *spares, *self._prepared.values()]:
                self._drop(database)
        self._worker.shutdown(cancel_futures=not drop)
        with ThreadPoolExecutor(1) as last:
            last.submit(self._hang_up)

    def _create(self, template: str) -> Future[str]:
        database = f"{self._prefix}_{next(self._numbers)}"

        def create() -> str:
            self._loop.run(self._do(f'CREATE DATABASE "{database}" TEMPLATE "{template}"'))
            return database

        return self._worker.submit(create)

    def _drop(self, database: str) -> None:
        self._worker.submit(lambda: self._loop.run(self._do(f'DROP DATABASE "{database}" WITH (FORCE)')))

    async def _do(self, statement: str) -> None:
        """On one connection for all, made anew when the server has been restarted."""
        if self._connection is not None:
            with suppress(*LOST):
                await self._connection.execute(statement)
                return
        self._connection = await asyncpg.connect(self.url())
        await self._connection.execute(statement)

    def _hang_up(self) -> None:
        with self._loop:
            if self._connection is not None:
                self._loop.get_loop().call_soon(self._connection.terminate)


async def ask(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    """The rows of *statement*, asked on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()
