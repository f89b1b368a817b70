"""Rows of views in an SQLite file of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Self, TypeVar

import apsw

from twofold.adapters.sql.statements import load_statements
from twofold.adapters.sql.view_marks import NOTHING, mark_of
from twofold.adapters.sql.view_rows import by_table
from twofold.adapters.sql.view_search import render_count, render_find
from twofold.adapters.sqlite.connection import one
from twofold.adapters.sqlite.errors import translate, translated
from twofold.adapters.sqlite.view_copies import Copies
from twofold.adapters.sqlite.view_file import PACKAGE, ViewFile
from twofold.adapters.sqlite.view_generation import GenerationTable
from twofold.adapters.sqlite.view_generations import Generations
from twofold.adapters.sqlite.view_lookups import FoldedRows
from twofold.adapters.sqlite.view_parking import ParkedRows
from twofold.adapters.sqlite.view_points import PointReads
from twofold.adapters.sqlite.view_turns import Steps
from twofold.errors import LeaseLostError, StoreUnavailableError
from twofold.event_store.recorded_event import Mark
from twofold.read.generations import Kept, Status
from twofold.read.parking import Parked, Parking
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
ROWS_A_STEP = 64


class SqliteViewStore:
    """Keeps the contracts of `ViewStore`, `Generations`, `ParkingLot`, `LookupRows` and `ClientReads` in SQLite.

    Data and checkpoint share its transactions.

    Every generation is a table (`"AccountPage__1"`), and the live one is also an SQL view under the view's own
    name (`"AccountPage"`), for people with other tools.
    """

    client = apsw.Connection

    def __init__(self, path: str, *, vfs: str | None = None) -> None:
        self._file = ViewFile(path, vfs=vfs)
        self.reading = self._file.lent.reading
        self._sql = load_statements(PACKAGE, "view_statements")
        self._generations = Generations(self._sql)
        with translated(path):
            (stored,) = one(self._file.reader, self._sql["read_identity"])
        self.identity = self._file.identity(stored)
        self._copies = Copies(self._sql, self._generations)
        self._folded = FoldedRows(self._file, self._generations)
        self._parked = ParkedRows(self._sql)
        self._points = PointReads(self._file.reader, self._generations)
        self._file.let_go = self._points.let_go

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
        generation = await self._file.write(
            lambda connection: self._generations.find_or_make(connection, table, epoch, shards)
        )
        self._generations.use(generation, table)
        return generation

    # --- generations ----------------------------------------------------------------------

    async def generations(self, view: str) -> list[Kept]:
        """See Generations."""
        return self._read(lambda connection: self._copies.kept(connection, view))

    async def build(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """See Generations. Raises MisuseError when the view cannot be a table."""
        generation = await self._file.write(lambda connection: self._copies.build(connection, table, epoch, shards))
        self._generations.use(generation, table)
        return generation

    async def promote(self, generation: Generation, *, behind: bool = False, why: str = "") -> None:
        """See Generations."""
        await self._file.write(lambda connection: self._copies.promote(connection, generation, behind=behind, why=why))

    async def label(self, generation: Generation, status: Status, why: str = "") -> None:
        """See Generations."""
        await self._file.write(lambda connection: self._copies.label(connection, generation, status, why))

    async def drop(self, generation: Generation) -> None:
        """See Generations."""
        await self._file.write(lambda connection: self._copies.drop(connection, generation))

    async def pause(self, view: str, *, paused: bool) -> None:
        """See Generations."""
        await self._file.write(lambda connection: self._copies.pause(connection, view, paused=paused))

    async def paused(self) -> frozenset[str]:
        """See Generations."""
        return self._read(self._copies.paused)

    # --- folding --------------------------------------------------------------------------

    async def checkpoint(self, generation: Generation, shard: int) -> Checkpoint:
        """See ViewStore."""
        self._file.check()
        place = (generation.view, generation.number, shard)
        with translated(self._file.path):
            found = self._points.at_once(lambda reader: one(reader, self._sql["read_checkpoint"], place))
        if found is None:
            raise LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
        return Checkpoint(mark_of(found[0]), found[1])

    async def load(self, generation: Generation, shard: int, keys: Sequence[Key]) -> dict[Key, StoredRow]:  # noqa: ARG002 - a key is in one shard only
        """See ViewStore."""
        return await self._folded.load(generation, keys)

    async def load_lookup(self, generation: Generation, lookup: ViewTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """See LookupRows."""
        return await self._folded.load_lookup(generation, lookup, keys)

    async def find_lookup(self, generation: Generation, lookup: ViewTable, search: Search) -> list[StoredRow]:
        """See LookupRows."""
        return await self._folded.find_lookup(generation, lookup, search)

    async def save(
        self,
        generation: Generation,
        shard: int,
        changes: Sequence[RowChange],
        expected: Mark,
        reached: Checkpoint,
        parking: Sequence[Parking] = (),
    ) -> None:
        """See ViewStore. Raises InputError for a value that does not fit its column."""
        parts = [(self._generations.used(generation, name), some) for name, some in by_table(changes)]

        def steps(connection: apsw.Connection) -> Steps[None]:
            self._move(connection, generation, shard, expected, reached)
            for table, some in parts:
                yield from table.write(connection, shard, some)
            self._parked.park(connection, generation, shard, parking)

        await self._file.write(steps)

    async def parked_keys(self, generation: Generation, shard: int | None = None) -> list[Parked]:
        """See ParkingLot."""
        table = self._generations.used(generation).table
        return self._read(lambda connection: self._parked.keys(connection, generation, table, shard))

    async def parked_events(self, generation: Generation, shard: int, key: Key, limit: int = 1000) -> list[int]:
        """See ParkingLot."""
        return self._read(lambda connection: self._parked.events(connection, generation, shard, key, limit))

    def _read(self, read: Callable[[apsw.Connection], T]) -> T:
        """Something short, on the event loop."""
        self._file.check()
        with translated(self._file.path):
            return self._points.at_once(read)

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
        found = one(connection, self._sql["read_checkpoint"], place)
        if found is None:
            raise LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
        mark, fence = found
        raise LeaseLostError(
            f"shard {shard} of {generation.view} is at position {mark_of(mark).position} with lease {fence}, "
            f"not at {expected.position} with lease {reached.fence} or lower"
        )

    # --- answering ------------------------------------------------------------------------

    async def get(self, table: ViewTable, key: Key, of: Generation | None = None) -> Found:
        """See ViewStore."""
        self._file.check()
        try:
            return self._points.get(table, key) if of is None else self._points.get_of(of, table, key)
        except apsw.Error as error:
            raise translate(error, self._file.path) from error

    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        """See ViewStore. Raises ColumnUnknownError, and InputError for a test that the column's kind does not have."""

        def steps(connection: apsw.Connection) -> Steps[Found]:
            asked = self._asked(connection, table, of)
            if asked is None:
                return Found([], NOTHING, 0)
            copy, mark = asked
            rows: list[StoredRow] = []
            cursor = connection.execute(*render_find(copy.rows, search))
            while read := list(islice(cursor, ROWS_A_STEP)):
                rows.extend(map(copy.format.row, read))
                yield
            return Found(rows, mark, copy.number)

        return await self._file.read(steps)

    async def count(self, table: ViewTable, conditions: Sequence[Condition], of: Generation | None = None) -> Counted:
        """See ViewStore. Raises ColumnUnknownError, and InputError for a test that the column's kind does not have."""

        def steps(connection: apsw.Connection) -> Steps[Counted]:
            asked = self._asked(connection, table, of)
            if asked is None:
                return Counted(0, NOTHING, 0)
            copy, mark = asked
            (count,) = one(connection, *render_count(copy.rows, conditions))
            yield
            return Counted(count, mark, copy.number)

        return await self._file.read(steps)

    def _asked(
        self, connection: apsw.Connection, table: ViewTable, of: Generation | None
    ) -> tuple[GenerationTable, Mark] | None:
        """The generation that answers in this connection's snapshot, and where it is."""
        if of is not None:
            return self._generations.of(of, table), self._generations.own_mark(connection, of)
        live = self._generations.live(connection, table)
        return None if live is None else (live, self._generations.mark(connection, live))
