"""Which generations a view store's file holds, and which one of a view answers."""

from __future__ import annotations

import apsw

from twofold.adapters.sql.view_definition import create_indexes, create_table, publish
from twofold.adapters.sql.view_marks import mark_of
from twofold.adapters.sql.view_shape import recipe_json, refuse_other_columns, shape_json
from twofold.adapters.sql.view_table import RowTable
from twofold.adapters.sqlite.connection import one
from twofold.adapters.sqlite.view_generation import GenerationTable
from twofold.adapters.sqlite.view_kinds import SQLITE
from twofold.adapters.sqlite.view_turns import Steps
from twofold.errors import LeaseLostError, MisuseError
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.generations import Status
from twofold.read.view_store import Generation, ViewTable


class Generations:
    """Finds and makes generations, and keeps what was compiled for those that this process uses."""

    def __init__(self, statements: dict[str, str]) -> None:
        self._sql = statements
        self._opened: dict[tuple[str, int], GenerationTable] = {}
        self._live: dict[str, GenerationTable] = {}

    # --- folding --------------------------------------------------------------------------

    def find_or_make(self, connection: apsw.Connection, table: ViewTable, epoch: str, shards: int) -> Steps[Generation]:
        """The live generation; a new, empty one, with its table and indexes, when there is none."""
        found = one(connection, self._sql["live_generation"], (table.view,))
        if found is None:
            generation = yield from self.make(connection, table, epoch, shards, Status.LIVE)
            connection.execute(self._sql["point_to_generation"], (table.view, generation.number))
            if table.columns:
                for statement in publish(RowTable(table, generation.number, SQLITE)):
                    connection.execute(statement)
            return generation
        generation = Generation(*found)
        if generation.fingerprint == table.fingerprint:
            for each in (table, *table.lookups):
                yield from self._make_indexes(connection, each, generation.number)
        return generation

    def make(
        self, connection: apsw.Connection, table: ViewTable, epoch: str, shards: int, status: Status
    ) -> Steps[Generation]:
        """A new, empty generation with its table and indexes."""
        (last,) = one(connection, self._sql["last_generation"], (table.view,))
        made = Generation(table.view, last + 1, table.fingerprint, epoch, shards, status.value)
        connection.execute(self._sql["insert_generation"], (*made, recipe_json(table), shape_json(table)))
        start = [(made.view, made.number, shard, made.epoch, NO_CHECK) for shard in range(made.shards)]
        connection.executemany(self._sql["insert_checkpoint"], start)
        yield
        for each in (table, *table.lookups) if table.columns else ():
            connection.execute(create_table(RowTable(each, made.number, SQLITE)))
            yield from self._make_indexes(connection, each, made.number)
        return made

    def _make_indexes(self, connection: apsw.Connection, table: ViewTable, number: int) -> Steps[None]:
        for statement in create_indexes(RowTable(table, number, SQLITE)).values():
            connection.execute(statement)
            yield

    def use(self, generation: Generation, table: ViewTable) -> None:
        """Compile what *generation* needs."""
        for each in (table, *table.lookups):
            self._opened[each.view, generation.number] = self._compiled(generation, each)

    def of(self, generation: Generation, table: ViewTable) -> GenerationTable:
        """*generation* as code that knows *table* reads it."""
        found = self._opened.get((generation.view, generation.number))
        return found if found is not None and found.table is table else self._compiled(generation, table)

    def own_mark(self, connection: apsw.Connection, generation: Generation) -> Mark:
        """Where *generation* is, live or not: the lowest of its shards. Raises LeaseLostError when it is not kept."""
        found = one(connection, self._sql["own_mark"], (generation.view, generation.number))
        if found is None:
            raise LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
        return mark_of(found[0])

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

    def live(self, connection: apsw.Connection, table: ViewTable) -> GenerationTable | None:
        """The live generation of *table*'s view, in this connection's snapshot; None when there is none.

        Raises OtherRowsError when it has other columns than the code that asks.
        """
        found = one(connection, self._sql["live_generation"], (table.view,))
        if found is None:
            return None
        live = self.last_live(table)
        if live is None or live.generation != found:
            live = self._compiled(Generation(*found), table)
            refuse_other_columns(one(connection, self._sql["read_shape"], found[:2])[0], table)
            self._live[table.view] = live
        return live

    def mark(self, connection: apsw.Connection, live: GenerationTable) -> Mark:
        """Where *live* is, in this connection's snapshot: the lowest of its shards."""
        (mark,) = one(connection, self._sql["live_mark"], (live.generation.view, live.number))
        return live.mark(mark)

    def _compiled(self, generation: Generation, table: ViewTable) -> GenerationTable:
        # Without the row's shard in it SQLite looks the mark up faster.
        live_mark = self._sql["only_live_mark" if generation.shards == 1 else "own_live_mark"]
        return GenerationTable(generation, table, live_mark)
