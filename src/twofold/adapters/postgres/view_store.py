"""Rows of views in PostgreSQL tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg

from twofold.adapters.postgres.database import POOL_SIZE, WAIT_SECONDS, Connection, Database
from twofold.adapters.postgres.errors import KNOWN
from twofold.adapters.postgres.listener import Listener
from twofold.adapters.postgres.migrations import PACKAGE, migrate
from twofold.adapters.postgres.unit_errors import meaning_of, refuse_ended
from twofold.adapters.postgres.view_copies import Copies
from twofold.adapters.postgres.view_generation import Asked, GenerationTable, Record
from twofold.adapters.postgres.view_generations import Generations
from twofold.adapters.postgres.view_lookups import FoldedRows
from twofold.adapters.postgres.view_parking import ParkedRows
from twofold.adapters.postgres.view_reading import LentReaders
from twofold.adapters.sql.statements import load_statements
from twofold.adapters.sql.view_marks import NOTHING, mark_of
from twofold.adapters.sql.view_rows import by_table
from twofold.errors import ConflictError, LeaseLostError, StoreUnavailableError, StoreUnusableError
from twofold.event_store.recorded_event import Mark
from twofold.read.generations import Kept, Status
from twofold.read.news import Heard
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

LOOKS = 20
"""How often a reader looks for the live generation when it is replaced under its hands."""
# What the server and the driver say of a value that does not fit.
_UNFIT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ArithmeticError,
    ValueError,
    TypeError,
)


class Answered(NamedTuple):
    """What the database answered, and the generation that it is about."""

    copy: GenerationTable
    records: Sequence[Record]


class PostgresViewStore:
    """Keeps the contracts of `ViewStore`, `Generations`, `ParkingLot`, `LookupRows` and `ClientReads` in PostgreSQL.

    Data and checkpoint share the transactions of one database.

    Everything is in the schema `twofold_views`. Every generation is a table (`"AccountPage__1"`), and the live one is
    also an SQL view under the view's own name (`twofold_views."AccountPage"`), for people with other tools.
    """

    client = asyncpg.Connection

    def __init__(self, database: Database, sql: Mapping[str, str], identity: str) -> None:
        self.identity = identity
        self.reading = LentReaders(database).reading
        self._database, self._sql = database, sql
        self._generations = Generations(self._sql)
        self._copies = Copies(self._sql, self._generations)
        self._folded = FoldedRows(database, self._generations)
        self._parked = ParkedRows(self._sql, database)
        self._listener: Listener | None = None

    async def close(self) -> None:
        """Let statements under way end, then disconnect. Repeating it does nothing."""
        if self._listener is not None:
            await self._listener.close()
        await self._database.close()

    def listen(self, heard: Heard) -> None:
        """See Announcing. It takes a connection of its own; through PgBouncer nothing is heard."""
        if self._listener is None and not self._database.address.pgbouncer:
            self._listener = Listener(self._database.address.dsn, {"twofold_views": telling(heard)}, lambda: None)
            self._listener.start()

    async def open_generation(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """See ViewStore. Raises MisuseError when the view cannot be a table."""
        async with self._database.transaction() as connection:
            generation = await self._generations.find_or_make(connection, table, epoch, shards)
        self._generations.use(generation, table)
        return generation

    # --- generations ----------------------------------------------------------------------

    async def generations(self, view: str) -> list[Kept]:
        """See Generations."""
        async with self._database.statement() as connection:
            return await self._copies.kept(connection, view)

    async def build(self, table: ViewTable, epoch: str, shards: int = 1) -> Generation:
        """See Generations. Raises MisuseError when the view cannot be a table."""
        async with self._database.transaction() as connection:
            generation = await self._copies.build(connection, table, epoch, shards)
        self._generations.use(generation, table)
        return generation

    async def promote(self, generation: Generation, *, behind: bool = False, why: str = "") -> None:
        """See Generations."""
        async with self._database.transaction() as connection:
            await self._copies.promote(connection, generation, behind=behind, why=why)

    async def label(self, generation: Generation, status: Status, why: str = "") -> None:
        """See Generations."""
        async with self._database.transaction() as connection:
            await self._copies.label(connection, generation, status, why)

    async def drop(self, generation: Generation) -> None:
        """See Generations."""
        async with self._database.transaction() as connection:
            await self._copies.drop(connection, generation)

    async def pause(self, view: str, *, paused: bool) -> None:
        """See Generations."""
        async with self._database.transaction() as connection:
            await self._copies.pause(connection, view, paused=paused)

    async def paused(self) -> frozenset[str]:
        """See Generations."""
        async with self._database.statement() as connection:
            return await self._copies.paused(connection)

    # --- folding --------------------------------------------------------------------------

    async def checkpoint(self, generation: Generation, shard: int) -> Checkpoint:
        """See ViewStore."""
        async with self._database.statement() as connection:
            return await read_checkpoint(connection, self._sql, generation, shard)

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
        table = self._generations.used(generation)
        moving = _moving(generation, shard, expected, reached)
        (_, own), *others = by_table(changes)
        sql, values = table.save(shard, own) if table.table.columns else (self._sql["move_checkpoint"], ())
        more = [self._generations.used(generation, name).write(shard, some) for name, some in others]
        has_more = bool(more or parking)
        async with self._database.transaction() if has_more else self._database.statement() as connection:
            try:
                moved = await connection.fetchrow(sql, *moving, *values)
                for asked, bound in more if moved else ():
                    await connection.fetchrow(asked, *bound)
            except _UNFIT as error:
                raise table.unfit(error) from error
            except asyncpg.UndefinedTableError as error:
                raise not_kept(generation) from error
            if not moved:
                now = await read_checkpoint(connection, self._sql, generation, shard)
                raise lost(now, generation, shard, expected, reached)
            await self._parked.park(connection, generation, shard, parking)

    async def parked_keys(self, generation: Generation, shard: int | None = None) -> list[Parked]:
        """See ParkingLot."""
        return await self._parked.keys(generation, self._generations.used(generation).table, shard)

    async def parked_events(self, generation: Generation, shard: int, key: Key, limit: int = 1000) -> list[int]:
        """See ParkingLot."""
        return await self._parked.events(generation, shard, key, limit)

    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[Connection]:
        """See ClientTransactions; the client is an asyncpg connection of the pool, at READ COMMITTED.

        Raises StoreUnavailableError when the database did not answer, or found a deadlock; MisuseError when the
        transaction was ended through the client. Its other errors are the caller's.
        """
        name = self._database.name
        async with self._database.lend() as connection:
            try:
                async with self._database.foreign_transaction(connection):
                    await self._move(connection, generation, shard, expected, reached)
                    yield connection
                    refuse_ended(connection, name)
            except KNOWN as error:
                meant = meaning_of(error, connection, name)
                if meant is None:
                    raise
                if isinstance(meant, ConflictError):
                    raise StoreUnavailableError(str(meant)) from error
                raise meant from error

    async def _move(
        self, connection: Connection, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> None:
        if not await connection.fetch(self._sql["move_checkpoint"], *_moving(generation, shard, expected, reached)):
            now = await read_checkpoint(connection, self._sql, generation, shard)
            raise lost(now, generation, shard, expected, reached)

    # --- answering ------------------------------------------------------------------------

    async def get(self, table: ViewTable, key: Key, of: Generation | None = None) -> Found:
        """See ViewStore."""
        answered = await self._ask(table, of, lambda copy: copy.get(key))
        return Found([], NOTHING, 0) if answered is None else answered.copy.found(answered.records)

    async def find(self, table: ViewTable, search: Search, of: Generation | None = None) -> Found:
        """See ViewStore. Raises ColumnUnknownError, and InputError for a test that the column's kind does not have."""
        answered = await self._ask(table, of, lambda copy: copy.find(search))
        return Found([], NOTHING, 0) if answered is None else answered.copy.found(answered.records)

    async def count(self, table: ViewTable, conditions: Sequence[Condition], of: Generation | None = None) -> Counted:
        """See ViewStore. Raises ColumnUnknownError, and InputError for a test that the column's kind does not have."""
        answered = await self._ask(table, of, lambda copy: copy.count(conditions))
        return Counted(0, NOTHING, 0) if answered is None else answered.copy.counted(answered.records)

    async def _ask(
        self, table: ViewTable, of: Generation | None, question: Callable[[GenerationTable], Asked]
    ) -> Answered | None:
        """Ask *of*, or the live generation; None: there is none."""
        if of is None:
            return await self._ask_live(table, question)
        copy = self._generations.of(of, table)
        records = await answers_of(self._database, question(copy))
        if not records:
            raise not_kept(of)
        return Answered(copy, records)

    async def _ask_live(self, table: ViewTable, question: Callable[[GenerationTable], Asked]) -> Answered | None:
        """Ask the live generation, in one statement; one that was replaced does not answer. None: there is none."""
        live = self._generations.last_live(table)
        for _ in range(LOOKS):
            live = live or await self._generations.live(self._database, table)
            if live is None:
                return None
            records = await answers_of(self._database, question(live))
            if records:
                return Answered(live, records)
            live = None
        raise StoreUnavailableError(f"{table.view} was replaced again and again while it was read; try again")


async def answers_of(database: Database, asked: Asked) -> Sequence[Record]:
    """What is answered: nothing, by a generation that was dropped."""
    sql, values = asked
    try:
        return await database.fetch(sql, *values)
    except StoreUnusableError as error:
        if isinstance(error.__cause__, asyncpg.UndefinedTableError):
            return ()
        raise


async def open_postgres_views(url: str, *, pool_size: int = POOL_SIZE, wait: float = WAIT_SECONDS) -> PostgresViewStore:
    """Open the view store in the database at *url*; its schema is made or brought up to date.

    Args:
        url: `postgresql://user@host/database`, as `Database.open` takes it.
        pool_size: most connections at a time.
        wait: how long (seconds) to wait for a free connection.

    Raises:
        ConfigError, StoreUnusableError, StoreUnavailableError: as `Database.open` and `migrate` do.
    """
    database = await Database.open(url, pool_size=pool_size, wait=wait)
    try:
        async with database.acquire() as connection:
            await migrate(connection, PACKAGE, "view_schema", "views")
        sql = load_statements(PACKAGE, "view_statements")
        [(identity,)] = await database.fetch(sql["read_identity"])
        return PostgresViewStore(database, sql, identity)
    except BaseException:
        await database.close()
        raise


def _moving(generation: Generation, shard: int, expected: Mark, reached: Checkpoint) -> tuple[Any, ...]:
    """The values of `move_checkpoint`."""
    to = (reached.mark.epoch, reached.mark.position, reached.mark.check, reached.fence)
    return (*to, generation.view, generation.number, shard, expected.epoch, expected.position, expected.check)


def telling(heard: Heard) -> Callable[[str], None]:
    """Hands on what `move_checkpoint` announces: view, generation, shard and position."""

    def tell(announced: str) -> None:
        view, generation, _, position = announced.rsplit(" ", 3)
        heard(view, int(generation), int(position))

    return tell


async def read_checkpoint(
    connection: Connection, sql: Mapping[str, str], generation: Generation, shard: int
) -> Checkpoint:
    """Where *shard* is. Raises LeaseLostError when its generation is not kept any more."""
    found = await connection.fetchrow(sql["read_checkpoint"], generation.view, generation.number, shard)
    if found is None:
        raise not_kept(generation)
    return Checkpoint(mark_of(found[0]), found[1])


def lost(now: Checkpoint, generation: Generation, shard: int, expected: Mark, reached: Checkpoint) -> LeaseLostError:
    """The error for whoever expected the shard, which is where *now* says, at another place."""
    return LeaseLostError(
        f"shard {shard} of {generation.view} is at position {now.mark.position} with lease {now.fence}, "
        f"not at {expected.position} with lease {reached.fence} or lower"
    )


def not_kept(generation: Generation) -> LeaseLostError:
    """The error for whoever goes on with a generation that was dropped."""
    return LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
