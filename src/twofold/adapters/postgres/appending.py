"""The one way into the log: a batch in one round trip when all goes well, in one transaction when it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg
from msgspec.structs import replace

from twofold.adapters.postgres.batch import head_of, judge, presume
from twofold.adapters.postgres.database import Connection, Database
from twofold.adapters.postgres.outcome_rows import known_outcomes, replay_of
from twofold.adapters.postgres.unit_errors import ENDED
from twofold.errors import MisuseError
from twofold.event_store.recorded_event import NO_CHECK, check_of
from twofold.event_store.write import ANY_VERSION, Write, WriteResult, check_batch

Now = Callable[[], int | None]


class Appender:
    """Puts batches into the log.

    Args:
        database: where the log is.
        sql: the statements.
        lock_key: names the writers' lock; made from the store's id.
        now: a clock of one's own (microseconds), or None for the server's.
    """

    def __init__(self, database: Database, sql: dict[str, str], lock_key: int, now: Now) -> None:
        self._database = database
        self._sql = sql
        self._lock_key = lock_key
        self._now = now

    async def append(self, writes: Sequence[Write]) -> list[WriteResult]:
        """See EventStore.append."""
        check_batch(writes)
        return await self._at_once(writes) or await self._with_care(writes)

    async def _at_once(self, writes: Sequence[Write]) -> list[WriteResult] | None:
        """The results if every write stands, as it nearly always does; None with nothing stored if not."""
        async with self._database.statement() as connection:
            try:
                return await self._presumed(connection, writes)
            except asyncpg.UniqueViolationError:
                return None

    async def _presumed(self, connection: Connection, writes: Sequence[Write]) -> list[WriteResult] | None:
        """One round trip that takes the writers' lock, or None with nothing stored if not every write stands.

        Raises UniqueViolationError when a key or message id is known.
        """
        presumed = presume(writes)
        if presumed is None:
            return None
        batch, placed = presumed
        rows = await connection.fetch(self._sql["append"], self._lock_key, self._now(), *batch.arguments())
        position, last, recorded = rows[0]
        if position is None:
            return None
        check = NO_CHECK if last is None else check_of(last)
        return [each.at(position, check, recorded) for each in placed]

    async def _with_care(self, writes: Sequence[Write]) -> list[WriteResult]:
        async with self._database.transaction() as connection:
            return await self._inside(connection, writes)

    async def of_unit(self, connection: Connection, write: Write) -> WriteResult:
        """Append within a unit of work's transaction, which keeps the writers' lock until it ends.

        What can be looked up before is: others wait for one round trip and the commit. Raises MisuseError when it is
        another transaction than was given away, UniqueViolationError when somebody was first meanwhile.
        """
        rows = await connection.fetch(self._sql["read_unit"], [part.stream for part in write.streams])
        if rows[0]["unit"] != "open":
            raise MisuseError(f"{self._database.name}: {ENDED}")
        heads = {row["stream"]: row["version"] for row in rows}
        if replay_of(write, await known_outcomes(connection, self._sql, [write])) is None:
            results = await self._presumed(connection, [_expecting(heads, write)])
            if results is not None:
                return results[0]
        return (await self._inside(connection, [write]))[0]

    async def _inside(self, connection: Connection, writes: Sequence[Write]) -> list[WriteResult]:
        """Append within the caller's transaction, which keeps the writers' lock until it ends."""
        now = self._now()
        head = head_of(await connection.fetchrow(self._sql["lock_head"], self._lock_key, now))
        streams = list({part.stream: None for write in writes for part in write.streams})
        heads: dict[str, int] = dict(await self._heads(connection, streams))
        known = await known_outcomes(connection, self._sql, writes)
        batch, results = judge(writes, heads, known, head)
        if batch.events or batch.outcomes:
            await connection.fetch(self._sql["append"], self._lock_key, now, *batch.arguments())
        return results

    async def _heads(self, connection: Connection, streams: list[str]) -> Any:
        return await connection.fetch(self._sql["read_heads"], streams) if streams else ()


def _expecting(heads: Mapping[str, int], write: Write) -> Write:
    """*write* with the versions that *heads* has for those streams that may be at any."""
    parts = [
        replace(part, expected=heads[part.stream]) if part.expected == ANY_VERSION else part for part in write.streams
    ]
    return replace(write, streams=tuple(parts))
