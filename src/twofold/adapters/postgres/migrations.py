"""Brings a PostgreSQL database's schema up to date: each migration once, whole or not at all, whoever comes first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Literal

import asyncpg

from twofold.adapters.postgres.database import WAIT_SECONDS, Connection, Database
from twofold.adapters.postgres.errors import translate
from twofold.adapters.sql.migration import Migration
from twofold.adapters.sql.statements import load_migrations, load_statements
from twofold.errors import StoreUnusableError

PACKAGE = "twofold.adapters.postgres"
LONGEST_SECONDS = 24 * 3600.0
"""How long one migration may take, for the driver's own time-out."""

Role = Literal["log", "views"]
_FOLDERS: Mapping[Role, str] = {"log": "log_migration_statements", "views": "view_migration_statements"}
_SCHEMAS: Mapping[Role, str] = {"log": "twofold", "views": "twofold_views"}
_SCRIPTS: Mapping[Role, str] = {"log": "schema", "views": "view_schema"}


async def migrate(connection: Connection, package: str, folder: str, role: Role) -> list[Migration]:
    """Apply every migration of *package*'s *folder* that this database does not have; returns those applied here.

    Each runs in a transaction of its own together with its row in the migrations table, and in turns with whoever else
    migrates this role. Killed at any point, the next call goes on where this one ended.

    Raises:
        StoreUnusableError: the schema is newer than this code, was made by other migrations, or may not be changed by
            this user. Nothing of the migration under way is left.
        StoreUnavailableError: a lock was not had in time, or the connection ended; try again.
    """
    sql, steps = load_statements(PACKAGE, _FOLDERS[role]), load_migrations(package, folder)
    applied: list[Migration] = []
    with _explained(role):
        missing = await _missing(connection, sql, steps, role)
        while missing:
            done, missing = await _advance(connection, sql, steps, role)
            applied += done
    return applied


async def pending(connection: Connection, package: str, folder: str, role: Role) -> list[Migration]:
    """The migrations that `migrate` would apply, in order; nothing is changed.

    Raises StoreUnusableError as `migrate` does.
    """
    sql, steps = load_statements(PACKAGE, _FOLDERS[role]), load_migrations(package, folder)
    with _explained(role):
        return await _missing(connection, sql, steps, role)


def checksum(step: Migration) -> str:
    """What tells a migration that was changed after it had been applied."""
    return sha256(step.script.replace("\r\n", "\n").encode()).hexdigest()


def script(steps: Sequence[Migration], role: Role) -> str:
    """The SQL that applies *steps*, consecutive ones, just as `migrate` does; for psql or any other client."""
    sql = load_statements(PACKAGE, _FOLDERS[role])
    return "\n\n".join(_transaction(sql, step) for step in steps)


class PostgresSchema:
    """The schema of the database at *url* in one role; connects for each call."""

    def __init__(self, url: str, role: Role, *, wait: float = WAIT_SECONDS) -> None:
        self._url = url
        self._role: Role = role
        self._wait = wait

    async def pending(self) -> list[Migration]:
        """See Schema.pending."""
        async with self._connected() as connection:
            return await pending(connection, PACKAGE, _SCRIPTS[self._role], self._role)

    async def migrate(self) -> list[Migration]:
        """See Schema.migrate."""
        async with self._connected() as connection:
            return await migrate(connection, PACKAGE, _SCRIPTS[self._role], self._role)

    def script(self, steps: Sequence[Migration]) -> str:
        """See Schema.script; for psql, which would go on behind an error."""
        return f"\\set ON_ERROR_STOP on\n{script(steps, self._role)}"

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        database = await Database.open(self._url, pool_size=1, wait=self._wait)
        try:
            async with database.acquire() as connection:
                yield connection
        finally:
            await database.close()


async def _advance(
    connection: Connection, sql: Mapping[str, str], steps: Sequence[Migration], role: Role
) -> tuple[list[Migration], list[Migration]]:
    """Apply the first migration that is missing; returns it, if there was one, and those that are missing still."""
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(sql["take_turn"], timeout=LONGEST_SECONDS)
        await connection.execute(sql["prepare_schema"])
        missing = await _missing(connection, sql, steps, role)
        for step in missing[:1]:
            await _apply(connection, sql, step)
    return missing[:1], missing[1:]


async def _apply(connection: Connection, sql: Mapping[str, str], step: Migration) -> None:
    try:
        await connection.execute(step.script, timeout=LONGEST_SECONDS)
    except _CLASHES as error:
        raise StoreUnusableError(
            f"migration {step.number} ({step.name}) was undone: {error}; something else than twofold made it, "
            "so use another database, or move it away"
        ) from error
    await connection.execute(sql["record_migration"], step.number, step.name, checksum(step))


_CLASHES = (asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError, asyncpg.DuplicateFunctionError)


async def _missing(
    connection: Connection, sql: Mapping[str, str], steps: Sequence[Migration], role: Role
) -> list[Migration]:
    """The steps that are not applied. Raises StoreUnusableError when what is applied are not the first of *steps*."""
    if not await connection.fetchval(sql["is_prepared"]):
        return list(steps)
    rows = await connection.fetch(sql["read_applied"])
    schema, known = _SCHEMAS[role], [(step.number, checksum(step)) for step in steps]
    if len(rows) > len(steps):
        raise StoreUnusableError(
            f"schema {schema} has {len(rows)} migrations, and this twofold knows {len(steps)}: it was written by a "
            "newer twofold; upgrade this one"
        )
    for row, (number, sum_) in zip(rows, known, strict=False):
        if (row["number"], row["checksum"]) != (number, sum_):
            raise StoreUnusableError(
                f"migration {row['number']} ({row['name']}) in schema {schema} is not the one that this twofold has; "
                "use the twofold that made the database, or restore a backup"
            )
    return list(steps[len(rows) :])


@contextmanager
def _explained(role: Role) -> Iterator[None]:
    """Run the block; an error of the database becomes twofold's, and says what to do without the right to do it."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise StoreUnusableError(
            f"this user may not change, or not look into, schema {_SCHEMAS[role]} ({error}); let its owner run what "
            "`twofold migrate --sql` prints, or grant what `twofold doctor` says"
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise translate(error, f"schema {_SCHEMAS[role]}") from error


def _transaction(sql: Mapping[str, str], step: Migration) -> str:
    """One migration as a transaction in plain SQL that refuses to run out of turn."""
    guard = sql["refuse_gap"].replace("$1", str(step.number - 1))
    record = sql["record_migration"]
    for number, value in enumerate((str(step.number), _literal(step.name), _literal(checksum(step))), 1):
        record = record.replace(f"${number}", value)
    parts = [f"-- migration {step.number}: {step.name}", "BEGIN;", sql["take_turn"], sql["prepare_schema"], guard]
    return "\n".join([*parts, f"{step.script.strip().removesuffix(';')};", f"{record};", "COMMIT;", ""])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
