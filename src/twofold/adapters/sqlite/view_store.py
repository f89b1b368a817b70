"""Rows of views in an SQLite file of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Self, TypeVar

import apsw

from twofold.adapters.sql.statements import load_statements
from twofold.adapters.sql.view_search import render_count, render_find
from twofold.adapters.sql.view_table import RowTable
from twofold.adapters.sqlite.connection import one
from twofold.adapters.sqlite.errors import translate
from twofold.adapters.sqlite.view_file import PACKAGE, ViewFile, on_snapshot
from twofold.adapters.sqlite.view_generation import GenerationTable, mark_of
from twofold.adapters.sqlite.view_kinds import SQLITE
from twofold.adapters.sqlite.view_turns import Steps, exhausted
from twofold.errors import LeaseLostError, MisuseError, StoreUnavailableError, StoreUnusableError
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.view_store import (
    Checkpoint,
    Condition,
    Counted,
    Found,
    Generation,
    Key,
    RowChange,
    Search,
    StoredRow,
    ViewTable,
)

T = TypeVar("T")
NOTHING = Mark("", 0, NO_CHECK)
ROWS_A_STEP = 64


class SqliteViewStore:
    """Keeps the `ViewStore` contract in one SQLite file; data and checkpoint share its transactions.

    Every generation is a table (`"AccountPage__1"`), and the live one is also an SQL view under the view's own
    name (`"AccountPage"`), for people with other tools.
    """

    def __init__(self, path: str, *, vfs: str | None = None) -> None:
        self._file = ViewFile(path, vfs=vfs)
        self._sql = load_statements(PACKAGE, "view_statements")
        self._point = self._file.reader.cursor()
        self._opened: dict[tuple[str, int], GenerationTable] = {}
        self._live: dict[str, GenerationTable] = {}

    @classmethod
    async def open(cls, path: str, *, vfs: str | None = None) -> Self:
        """The store in the file at *path*, made if it is not there.

        Args:
            path: a file on a local disk.
            vfs: the name of a registered APSW VFS, for fault tests.

        Raises:
            StoreUnusableError: another kind of file, a newer schema, read-only, damaged; the text names the remedy.
            StoreUnavailableError: the disk is full or the file is locked.
        """
        return cls(path, vfs=vfs)

    async def close(self) -> None:
        """Let what is running end, then let go of threads and connections. Repeating it does nothing."""
        await self._file.close()

    async def open_generation(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """See ViewStore. Raises MisuseError when the view cannot be a table."""
        generation = await self._file.write(lambda connection: self._find_or_make(connection, table, epoch, shards))
        self._opened[generation.view, generation.number] = self._new_table(generation, table)
        return generation

    def _find_or_make(
        self, connection: apsw.Connection, table: ViewTable, epoch: str, shards: int
    ) -> Steps[Generation]:
        found = one(connection, self._sql["live_generation"], (table.view,))
        if found is None:
            (last,) = one(connection, self._sql["last_generation"], (table.view,))
            found = Generation(table.view, last + 1, table.fingerprint, epoch, shards, "live")
            self._make(connection, found, table)
            yield
        generation = Generation(*found)
        if table.columns and generation.fingerprint == table.fingerprint:
            for statement in RowTable(table, generation.number, SQLITE).create_indexes():
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
            for statement in (*rows.create(), *rows.publish()):
                connection.execute(statement)

    def _new_table(self, generation: Generation, table: ViewTable) -> GenerationTable:
        # Looking for the lowest of one takes SQLite longer than finding the row.
        live_mark = self._sql["only_live_mark" if generation.shards == 1 else "live_mark"]
        return GenerationTable(generation, table, live_mark)

    # --- folding --------------------------------------------------------------------------

    async def checkpoint(self, generation: Generation, shard: int) -> Checkpoint:
        """See ViewStore."""
        place = (generation.view, generation.number, shard)
        mark, fence = self._at_once(lambda connection: one(connection, self._sql["read_checkpoint"], place))
        return Checkpoint(mark_of(mark), fence)

    async def load(self, generation: Generation, shard: int, keys: Sequence[Key]) -> dict[Key, StoredRow]:  # noqa: ARG002 - a key is in one shard only
        """See ViewStore."""
        table = self._table(generation)

        def steps(connection: apsw.Connection) -> Steps[dict[Key, StoredRow]]:
            found: dict[Key, StoredRow] = {}
            for part in table.load(connection, keys):
                found.update(part)
                yield
            return found

        return await self._file.read_latest(steps)

    async def save(
        self, generation: Generation, shard: int, changes: Sequence[RowChange], expected: Mark, reached: Checkpoint
    ) -> None:
        """See ViewStore. Raises InputError for a value that does not fit its column."""
        table = self._table(generation)

        def steps(connection: apsw.Connection) -> Steps[None]:
            self._move(connection, generation, shard, expected, reached)
            yield from table.write(connection, shard, changes)

        await self._file.write(steps)

    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        """See ClientTransactions; the client is the `apsw.Connection` that writes the file.

        Raises StoreUnavailableError when the disk is full or the file locked; SQLite's other errors are the caller's.
        """
        try:
            async with self._file.transaction() as connection:
                self._move(connection, generation, shard, expected, reached)
                yield connection
        except apsw.Error as error:
            told = translate(error, self._file.path)
            if isinstance(told, StoreUnavailableError):
                raise told from error
            raise

    def _move(
        self, connection: apsw.Connection, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> None:
        place = (generation.view, generation.number, shard)
        to = (reached.mark.epoch, reached.mark.position, reached.mark.check, reached.fence)
        was = (expected.epoch, expected.position, expected.check, reached.fence)
        connection.execute(self._sql["move_checkpoint"], (*to, *place, *was))
        if connection.changes():
            return
        mark, fence = one(connection, self._sql["read_checkpoint"], place)
        position = mark_of(mark).position
        raise LeaseLostError(
            f"shard {shard} of {generation.view} is at position {position} with lease {fence}, "
            f"not at {expected.position} with lease {reached.fence} or lower"
        )

    def _table(self, generation: Generation) -> GenerationTable:
        found = self._opened.get((generation.view, generation.number))
        if found is None:
            raise MisuseError(f"generation {generation.number} of {generation.view} was not opened by this store")
        return found

    # --- answering ------------------------------------------------------------------------

    async def get(self, table: ViewTable, key: Key) -> Found:
        """See ViewStore."""
        self._file.check()
        live = self._live.get(table.view)
        if live is not None and live.table is table:
            try:
                found = live.get(self._point, key)
            except apsw.Error as error:
                raise translate(error, self._file.path) from error
            if found is not None:
                return found
        return self._at_once(lambda connection: exhausted(on_snapshot(connection, self._get(table, key))))

    def _get(self, table: ViewTable, key: Key) -> Callable[[apsw.Connection], Steps[Found]]:
        def steps(connection: apsw.Connection) -> Steps[Found]:
            yield
            live = self._shown(connection, table)
            if live is None:
                return Found([], NOTHING, 0)
            found = live.get(connection.cursor(), key)
            return found or Found([], self._mark(connection, live), live.number)

        return steps

    async def find(self, table: ViewTable, search: Search) -> Found:
        """See ViewStore. Raises ColumnUnknownError, and InputError for a test that the column's kind does not have."""

        def steps(connection: apsw.Connection) -> Steps[Found]:
            live = self._shown(connection, table)
            if live is None:
                return Found([], NOTHING, 0)
            rows: list[StoredRow] = []
            cursor = connection.execute(*render_find(live.rows, search))
            while read := list(islice(cursor, ROWS_A_STEP)):
                rows.extend(map(live.format.row, read))
                yield
            return Found(rows, self._mark(connection, live), live.number)

        return await self._file.read(steps)

    async def count(self, table: ViewTable, conditions: Sequence[Condition]) -> Counted:
        """See ViewStore. Raises ColumnUnknownError, and InputError for a test that the column's kind does not have."""

        def steps(connection: apsw.Connection) -> Steps[Counted]:
            live = self._shown(connection, table)
            if live is None:
                return Counted(0, NOTHING, 0)
            (count,) = one(connection, *render_count(live.rows, conditions))
            yield
            return Counted(count, self._mark(connection, live), live.number)

        return await self._file.read(steps)

    def _shown(self, connection: apsw.Connection, table: ViewTable) -> GenerationTable | None:
        """The live generation of *table*'s view, in this connection's snapshot; None when there is none.

        Raises StoreUnusableError when it has other columns than the code that asks.
        """
        found = one(connection, self._sql["live_generation"], (table.view,))
        if found is None:
            return None
        live = self._live.get(table.view)
        if live is None or live.table is not table or live.number != found[1]:
            live = self._new_table(Generation(*found), table)
            self._refuse_other_columns(connection, live)
            self._live[table.view] = live
        return live

    def _refuse_other_columns(self, connection: apsw.Connection, live: GenerationTable) -> None:
        name = f"{live.generation.view}__{live.number}"
        there = {name for (name,) in connection.execute(self._sql["table_columns"], (name,))}
        missing = [column.name for column in live.table.columns if column.name not in there]
        if missing:
            raise StoreUnusableError(
                f"the stored rows of {live.generation.view} have no {', '.join(missing)}: other code built them; "
                "bring that code back, or remove the views' store and start again"
            )

    def _mark(self, connection: apsw.Connection, live: GenerationTable) -> Mark:
        (mark,) = one(connection, self._sql["live_mark"], (live.generation.view, live.number))
        return live.mark(mark)

    def _at_once(self, read: Callable[[apsw.Connection], T]) -> T:
        """A short read on the event loop."""
        self._file.check()
        try:
            return read(self._file.reader)
        except apsw.Error as error:
            raise translate(error, self._file.path) from error
