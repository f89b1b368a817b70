"""Which generations a database holds, and which one of a view answers."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.view_generation import GenerationTable
from twofold.adapters.postgres.view_kinds import POSTGRES
from twofold.adapters.sql.view_definition import create_indexes, create_table, publish, republish
from twofold.adapters.sql.view_shape import recipe_json, refuse_other_columns, shape_json
from twofold.adapters.sql.view_table import RowTable
from twofold.errors import MisuseError
from twofold.event_store.recorded_event import NO_CHECK
from twofold.read.generations import Status
from twofold.read.view_store import Generation, ViewTable


class Generations:
    """Finds and makes generations, and keeps what was compiled for those that this process uses."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = sql
        self._opened: dict[tuple[str, int], GenerationTable] = {}
        self._live: dict[str, GenerationTable] = {}

    # --- folding --------------------------------------------------------------------------

    async def find_or_make(self, connection: Connection, table: ViewTable, epoch: str, shards: int) -> Generation:
        """The live generation; a new, empty one, with its table and indexes, when there is none.

        The transaction is the caller's. Processes that start together wait for each other only where something is
        to be made.
        """
        found = await self._find(connection, table)
        if found is None:
            await connection.fetchval(self._sql["lock_view"], table.view)
            found = await self._find(connection, table) or await self._make_live(connection, table, epoch, shards)
        if table.columns and found.fingerprint == table.fingerprint:
            for each in (table, *table.lookups):
                await self._make_indexes(connection, RowTable(each, found.number, POSTGRES))
        return found

    async def _find(self, connection: Connection, table: ViewTable) -> Generation | None:
        found = await connection.fetchrow(self._sql["live_generation"], table.view)
        return None if found is None else Generation(*found[:-1])

    async def _make_live(self, connection: Connection, table: ViewTable, epoch: str, shards: int) -> Generation:
        made = await self.make(connection, table, epoch, shards, Status.LIVE)
        await connection.execute(self._sql["point_to_generation"], made.view, made.number)
        if table.columns:
            await show(connection, RowTable(table, made.number, POSTGRES))
        return made

    async def make(
        self, connection: Connection, table: ViewTable, epoch: str, shards: int, status: Status
    ) -> Generation:
        """A new, empty generation with its table and indexes."""
        last = await connection.fetchval(self._sql["last_generation"], table.view)
        made = Generation(table.view, last + 1, table.fingerprint, epoch, shards, status.value)
        await connection.execute(self._sql["insert_generation"], *made, recipe_json(table), shape_json(table))
        await connection.execute(self._sql["insert_checkpoints"], made.view, made.number, epoch, NO_CHECK, shards)
        for each in (table, *table.lookups) if table.columns else ():
            rows = RowTable(each, made.number, POSTGRES)
            await connection.execute(create_table(rows))
            await self._make_indexes(connection, rows)
        return made

    async def _make_indexes(self, connection: Connection, rows: RowTable) -> None:
        """Make the declared indexes that are missing. Asking first spares a lock that would wait for all writers."""
        wanted = create_indexes(rows)
        if not wanted:
            return
        there = {name for (name,) in await connection.fetch(self._sql["table_indexes"], rows.name)}
        if missing := [statement for name, statement in wanted.items() if name not in there]:
            await connection.fetchval(self._sql["lock_view"], rows.table.view)
            for statement in missing:
                await connection.execute(statement)

    def use(self, generation: Generation, table: ViewTable) -> None:
        """Compile what *generation* needs."""
        for each in (table, *table.lookups):
            self._opened[each.view, generation.number] = GenerationTable(generation, each, self._sql)

    def of(self, generation: Generation, table: ViewTable) -> GenerationTable:
        """*generation*, live or not, as code that knows *table* reads it."""
        return GenerationTable(generation, table, self._sql, is_live=False)

    def used(self, generation: Generation, lookup: str = "") -> GenerationTable:
        """What `use` compiled, for the view's own rows or those of a *lookup*. Raises MisuseError when it did not."""
        found = self._opened.get((lookup or generation.view, generation.number))
        if found is None:
            raise MisuseError(f"generation {generation.number} of {generation.view} was not opened by this store")
        return found

    # --- answering ------------------------------------------------------------------------

    def last_live(self, table: ViewTable) -> GenerationTable | None:
        """The generation that answered last for *table*, if one did; it may have been replaced since."""
        live = self._live.get(table.view)
        return live if live is not None and live.table is table else None

    async def live(self, database: Database, table: ViewTable) -> GenerationTable | None:
        """The live generation of *table*'s view; None when there is none.

        Raises OtherRowsError when it has other columns than the code that asks.
        """
        found = await database.row(self._sql["live_generation"], table.view)
        if found is None:
            return None
        *generation, shape = found
        refuse_other_columns(shape, table)
        live = self._live[table.view] = GenerationTable(Generation(*generation), table, self._sql)
        return live


async def show(connection: Connection, rows: RowTable) -> None:
    """Make the generation of *rows* what people see under the view's own name; the transaction is the caller's.

    In place where its columns allow it, so that who may read it stays as it is; else the old one is dropped.
    """
    try:
        async with connection.transaction():
            await connection.execute(republish(rows))
    except asyncpg.InvalidTableDefinitionError:
        for statement in publish(rows):
            await connection.execute(statement)
