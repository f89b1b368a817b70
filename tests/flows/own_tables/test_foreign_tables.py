"""A team's own tables beside twofold's: whatever twofold does, they stay as they are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apsw
import pytest

from tests.flows.own_tables.making import everything_twofold_does, run_script
from tests.servers.databases import ask
from twofold import App
from twofold.errors import StoreUnusableError

# Names that twofold has too, where a search path finds them first.
TEAM = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.events (position int PRIMARY KEY, note text);
    CREATE TABLE public.outcomes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL);
    CREATE TABLE public.twofold_checkpoints (note text, event int REFERENCES shop.events);
    CREATE VIEW shop.leases AS SELECT * FROM shop.events;
    CREATE FUNCTION public.append(note text) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nobody writes here'; END $$;
    INSERT INTO shop.events VALUES (1, 'theirs');
    INSERT INTO public.outcomes (note) VALUES ('theirs');
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON shop.events EXECUTE FUNCTION shop.refuse();
    CREATE INDEX events_by_note ON shop.events (note);
"""
THEIRS = """
    WITH schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|twofold)')
    SELECT 'schema' AS kind, nspname::text AS name, oid::text AS what FROM schemas
    UNION ALL
    SELECT 'relation', relname, concat_ws(' ', c.oid, relfilenode, relkind, relnatts, relacl, reloptions)
    FROM pg_class c JOIN schemas s ON s.oid = relnamespace
    UNION ALL
    SELECT 'constraint', conname, concat_ws(' ', k.oid, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN schemas s ON s.oid = connamespace
    UNION ALL
    SELECT 'trigger', tgname, concat_ws(' ', t.oid, tgenabled, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN schemas s ON s.oid = c.relnamespace
    UNION ALL
    SELECT 'function', proname, concat_ws(' ', p.oid, prosrc)
    FROM pg_proc p JOIN schemas s ON s.oid = pronamespace
    UNION ALL
    SELECT 'extension', extname, oid::text FROM pg_extension
    UNION ALL
    SELECT 'row', note, concat_ws(' ', tableoid, xmin, xmax) FROM shop.events
    UNION ALL
    SELECT 'row', note, concat_ws(' ', tableoid, xmin, xmax) FROM public.outcomes
    ORDER BY 1, 2, 3
"""


@pytest.fixture
async def database(postgres_url: str) -> str:
    """The URL of a database with the team's things in it, and nothing of twofold's."""
    await run_script(postgres_url, TEAM)
    return postgres_url


async def theirs(url: str) -> list[Any]:
    return [tuple(row) for row in await ask(url, THEIRS)]


async def test_on_postgresql_whatever_is_there_already_stays_as_it_is(database: str) -> None:
    before = await theirs(database)

    await everything_twofold_does(database)

    assert await theirs(database) == before
    kinds = {"constraint", "extension", "function", "relation", "row", "schema", "trigger"}
    assert {kind for kind, _, _ in before} == kinds


@pytest.mark.parametrize("path", ["shop, public", "public, twofold", "nowhere", "''"])
async def test_no_search_path_leads_twofold_to_what_is_theirs(database: str, path: str) -> None:
    await run_script(database, f'ALTER DATABASE "{urlsplit(database).path[1:]}" SET search_path = {path}')
    before = await theirs(database)

    await everything_twofold_does(database)

    assert await theirs(database) == before


@pytest.mark.parametrize(
    "planted",
    [
        "ALTER TABLE public.outcomes ADD COLUMN more int",
        "UPDATE public.outcomes SET note = note",
        "ALTER TABLE public.outcomes ALTER COLUMN note DROP NOT NULL, ADD CHECK (note > '')",
        "ALTER TABLE shop.events DISABLE TRIGGER refuse",
        "DROP FUNCTION public.append(text)",
        "CREATE INDEX more ON public.outcomes (note)",
        "CREATE SCHEMA more",
    ],
)
async def test_a_planted_touch_is_noticed(database: str, planted: str) -> None:
    before = await theirs(database)

    await run_script(database, planted)

    assert await theirs(database) != before


BESIDE = "SELECT type, name, rootpage, sql FROM sqlite_schema WHERE tbl_name = 'notes' ORDER BY name"


@pytest.fixture
async def file(tmp_path: Path) -> str:
    """An SQLite file with a log, and a table of the team's in it."""
    file = str(tmp_path / "shop.db")
    async with App("shop").open(f"sqlite:///{file}", workers=False):
        pass
    connection = apsw.Connection(file)
    connection.execute("CREATE TABLE notes (note TEXT); CREATE INDEX notes_by_note ON notes (note)")
    connection.execute("INSERT INTO notes VALUES ('theirs')")
    connection.close()
    return file


def notes(file: str) -> list[Any]:
    connection = apsw.Connection(file)
    try:
        return [*connection.execute(BESIDE), *connection.execute("SELECT rowid, note FROM notes")]
    finally:
        connection.close()


async def test_in_an_sqlite_file_what_the_team_has_made_stays_as_it_is(file: str) -> None:
    before = notes(file)

    await everything_twofold_does(f"sqlite:///{file}")

    assert notes(file) == before
    assert len(before) == 3


def test_an_sqlite_file_that_the_team_has_made_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    connection = apsw.Connection(str(file))
    connection.execute("CREATE TABLE notes (note TEXT)")
    connection.close()
    before = file.read_bytes()

    with pytest.raises(StoreUnusableError, match="SQLite file of something else"):
        asyncio.run(everything_twofold_does(f"sqlite:///{file}"))

    assert file.read_bytes() == before
