"""Which generations a view store's file holds, and which one of a view answers."""

from __future__ import annotations

import apsw

from twofold.adapters.sql.view_definition import create_indexes, create_table, publish
from twofold.adapters.sql.view_table import RowTable
from twofold.adapters.sqlite.connection import one
from twofold.adapters.sqlite.view_generation import GenerationTable
from twofold.adapters.sqlite.view_kinds import SQLITE
from twofold.adapters.sqlite.view_turns import Steps
from twofold.errors import MisuseError, StoreUnusableError
from twofold.event_store.recorded_event import NO_CHECK, Mark
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
            (last,) = one(connection, self._sql["last_generation"], (table.view,))
            found = Generation(table.view, last + 1, table.fingerprint, epoch, shards, "live")
            self._make(connection, found, table)
            yield
        generation = Generation(*found)
        if table.columns and generation.fingerprint == table.fingerprint:
            for statement in create_indexes(RowTable(table, generation.number, SQLITE)).values():
                connection.execute(statement)
                yield
        return generation

    def _make(self, connection: apsw.Connection, made: Generation, table: ViewTable) -> None:
        connection.execute(self._sql["insert_generation"], made)
        start = [(made.view, made.number, shard, made.epoch, NO_CHECK) for shard in range(made.shards)]
        connection.executemany(self._sql["insert_checkpoint"], start)
        connection.execute(self._sql["point_to_generation"], (made.view, made.number))
        if table.columns:
            rows = RowTable(table, made.number, SQLITE)
            for statement in (create_table(rows), *publish(rows)):
                connection.execute(statement)

    def use(self, generation: Generation, table: ViewTable) -> None:
        """Compile what *generation* needs."""
        self._opened[generation.view, generation.number] = self._compiled(generation, table)

    def used(self, generation: Generation) -> GenerationTable:
        """What `use` compiled. Raises MisuseError when it did not."""
        found = self._opened.get((generation.view, generation.number))
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

        Raises StoreUnusableError when it has other columns than the code that asks.
        """
        found = one(connection, self._sql["live_generation"], (table.view,))
        if found is None:
            return None
        live = self.last_live(table)
        if live is None or live.generation != found:
            live = self._compiled(Generation(*found), table)
            self._refuse_other_columns(connection, live)
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

    def _refuse_other_columns(self, connection: apsw.Connection, live: GenerationTable) -> None:
        name = f"{live.generation.view}__{live.number}"
        there = {name for (name,) in connection.execute(self._sql["table_columns"], (name,))}
        missing = [column.name for column in live.table.columns if column.name not in there]
        if missing:
            raise StoreUnusableError(
                f"the stored rows of {live.generation.view} have no {', '.join(missing)}: other code built them; "
                "bring that code back, or move the views' file away and start again"
            )
