"""What there is to say of a PostgreSQL database before an app is opened on it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.migrations import PACKAGE, Role, pending
from twofold.adapters.sql.statements import load_statements
from twofold.config import Config
from twofold.errors import StoreUnusableError
from twofold.runtime.finding import Finding

_SCHEMAS: Mapping[Role, str] = {"log": "twofold", "views": "twofold_views"}
_SCRIPTS: Mapping[Role, str] = {"log": "schema", "views": "view_schema"}
_SPARE = 2
"""So many processes should fit: in a rolling deploy old and new run beside each other."""
_MOST = 4


async def examine(url: str, roles: Sequence[Role], config: Config) -> list[Finding]:
    """Server, pooler, connections, and schema and privileges for each of *roles*.

    Raises ConfigError, StoreUnusableError and StoreUnavailableError as `Database.open` does.
    """
    sql = load_statements(PACKAGE, "examining_statements")
    database = await Database.open(url, pool_size=1, wait=config.pool_wait)
    try:
        async with database.transaction() as connection:
            found = [_server(database, roles), *_pooler(database)]
            if not database.address.pgbouncer:
                found.append(await _connections(connection, sql, roles, config))
            return [
                *found,
                *[each for role in roles for each in await _inside(database, connection, sql, role, config)],
            ]
    finally:
        await database.close()


def _server(database: Database, roles: Sequence[Role]) -> Finding:
    facts = database.facts
    text = f"PostgreSQL {facts['postgresql']} at {database.name}, for {' and '.join(roles)}"
    if facts["full_page_writes"] == "off":
        remedy = "set full_page_writes = on, unless the file system writes pages whole"
        return Finding("server", "note", f"{text}; a power cut can tear its pages", remedy)
    return Finding("server", "ok", text)


def _pooler(database: Database) -> list[Finding]:
    if database.address.pgbouncer == database.is_pooled:
        return [Finding("pooler", "ok", "PgBouncer, as the URL says")] if database.is_pooled else []
    if database.is_pooled:
        remedy = "add pgbouncer=true to the URL if it lends them out by transaction"
        return [Finding("pooler", "note", "something lends out the server's connections, perhaps PgBouncer", remedy)]
    remedy = "leave pgbouncer=true out of the URL: commits are quicker, and other processes hear of them at once"
    return [Finding("pooler", "note", "the URL says that there is a PgBouncer, and there is none", remedy)]


async def _connections(
    connection: Connection, sql: Mapping[str, str], roles: Sequence[Role], config: Config
) -> Finding:
    """Whether the server has room for this app's processes."""
    row = await connection.fetchrow(sql["read_room"])
    need = (config.pool_size + 1) * len(roles)  # who listens has a connection of its own
    text = (
        f"the server gives this user {row['room']}, {row['used']} are in use; "
        f"a process takes at most {need} (pool_size {config.pool_size})"
    )
    if row["room"] >= need * _SPARE:
        return Finding("connections", "ok", f"{text}, so {row['room'] // need} processes fit")
    remedy = "lower pool_size, raise max_connections, or put PgBouncer between"
    if row["room"] >= need:
        return Finding("connections", "note", f"{text}, so two processes do not fit", remedy)
    return Finding("connections", "bad", f"{text}, so not even one fits", remedy)


async def _inside(
    database: Database, connection: Connection, sql: Mapping[str, str], role: Role, config: Config
) -> list[Finding]:
    """The schema of one role, and what this user may do in it."""
    schema = _SCHEMAS[role]
    subject, grants = f"schema {schema}", _grants(schema, role, database.facts["role"])
    if not await connection.fetchval(sql["may_look"], schema):
        return [Finding(subject, "bad", "this user may not look into it", grants)]
    lacking = [row[0] for row in await connection.fetch(sql["missing_privileges"], schema, role == "views")]
    if lacking:
        return [Finding(subject, "bad", f"this user lacks {_listed(lacking)}", grants)]
    try:
        missing = await pending(connection, PACKAGE, _SCRIPTS[role], role)
    except StoreUnusableError as error:
        return [Finding(subject, "bad", str(error))]
    if missing:
        names = ", ".join(f"{step.number} ({step.name})" for step in missing)
        may_migrate = await connection.fetchval(sql["may_migrate"], schema)
        remedy = (
            "run `twofold migrate`" + (", or `twofold run`, which does it too" if config.migrate == "apply" else "")
            if may_migrate
            else "this user may not: let the owner of the database run what `twofold migrate --sql` prints"
        )
        text = f"lacks migration {names}"
        return [Finding(subject, "note", text, remedy) if may_migrate else Finding(subject, "bad", text, remedy)]
    return [Finding(subject, "ok", "every migration is applied, and this user has the privileges it needs")]


def _grants(schema: str, role: Role, user: str) -> str:
    what = "USAGE, CREATE" if role == "views" else "USAGE"  # a view's tables are made when its code is new
    return (
        f"let the owner run: GRANT {what} ON SCHEMA {schema} TO {user}; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user};"
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
