"""The generations of a database beside the live ones: built, promoted, labelled, dropped."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from twofold.adapters.postgres.database import Connection
from twofold.adapters.postgres.view_generations import Generations, show
from twofold.adapters.postgres.view_kinds import POSTGRES
from twofold.adapters.sql.view_definition import drop_table
from twofold.adapters.sql.view_shape import kept_of, remembered
from twofold.adapters.sql.view_table import RowTable
from twofold.errors import ConflictError, LeaseLostError, MisuseError
from twofold.read.generations import Kept, Status
from twofold.read.view_store import Generation, ViewTable

_GONE = ("drop_checkpoints", "drop_parked", "drop_waiting")


class Copies:
    """What `Generations` asks of a store; every method runs inside the caller's transaction."""

    def __init__(self, sql: Mapping[str, str], generations: Generations) -> None:
        self._sql = sql
        self._generations = generations

    async def kept(self, connection: Connection, view: str) -> list[Kept]:
        """See Generations.generations."""
        return [kept_of(row) for row in await connection.fetch(self._sql["generations"], view)]

    async def build(self, connection: Connection, table: ViewTable, epoch: str, shards: int) -> Generation:
        """See Generations.build."""
        await connection.fetchval(self._sql["lock_view"], table.view)
        found = await connection.fetchrow(self._sql["alike_generation"], table.view, table.fingerprint, epoch)
        if found is not None:
            return Generation(*found)
        return await self._generations.make(connection, table, epoch, shards, Status.BUILDING)

    async def promote(self, connection: Connection, generation: Generation, *, behind: bool, why: str) -> None:
        """See Generations.promote. Whoever folds either of the two waits until it is done."""
        place = (generation.view, generation.number)
        await connection.fetchval(self._sql["lock_view"], generation.view)
        found = await connection.fetchrow(self._sql["read_generation"], *place)
        if found is None:
            raise ConflictError(f"generation {generation.number} of {generation.view} is not kept any more")
        if found["live"] == generation.number:
            return
        await self._show(connection, remembered(generation.view, found["shape"]), generation)
        if found["live"] is not None:
            await connection.fetch(self._sql["lock_checkpoints"], *place, found["live"])
            if not behind and await connection.fetchval(self._sql["is_behind"], *place, found["live"]):
                raise ConflictError(f"generation {generation.number} of {generation.view} is behind the live one")
            await connection.execute(
                self._sql["label_generation"], Status.RETIRED.value, why, generation.view, found["live"]
            )
        await connection.execute(self._sql["make_live"], *place)
        await connection.execute(self._sql["point_to_generation"], *place)

    async def _show(self, connection: Connection, table: ViewTable, generation: Generation) -> None:
        """Put it where people read it. Done first: whoever reads there for long must not keep others from folding."""
        if not table.columns:
            return
        await connection.execute(self._sql["wait_briefly"])
        try:
            await show(connection, RowTable(table, generation.number, POSTGRES))
        except asyncpg.LockNotAvailableError:
            raise ConflictError(
                f"somebody has a transaction open that reads twofold_views.{table.view}; end it, or try again later"
            ) from None

    async def label(self, connection: Connection, generation: Generation, status: Status, why: str) -> None:
        """See Generations.label."""
        await connection.fetchval(self._sql["lock_view"], generation.view)
        found = await connection.fetchrow(self._sql["read_generation"], generation.view, generation.number)
        if found is None:
            raise LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
        if status is Status.LIVE or found["live"] == generation.number:
            raise MisuseError(f"which generation of {generation.view} is live is said by promote")
        await connection.execute(self._sql["label_generation"], status.value, why, generation.view, generation.number)

    async def drop(self, connection: Connection, generation: Generation) -> None:
        """See Generations.drop."""
        place = (generation.view, generation.number)
        await connection.fetchval(self._sql["lock_view"], generation.view)
        found = await connection.fetchrow(self._sql["read_generation"], *place)
        if found is None:
            return
        if found["live"] == generation.number:
            raise MisuseError(f"generation {generation.number} of {generation.view} is live: promote another first")
        for name in _GONE:
            await connection.execute(self._sql[name], *place)
        await connection.execute(self._sql["label_generation"], "dropped", "", *place)
        table = remembered(generation.view, found["shape"])
        for each in (table, *table.lookups):
            await connection.execute(drop_table(RowTable(each, generation.number, POSTGRES)))

    async def pause(self, connection: Connection, view: str, *, paused: bool) -> None:
        """See Generations.pause."""
        await connection.execute(self._sql["pause_view" if paused else "resume_view"], view)

    async def paused(self, connection: Connection) -> frozenset[str]:
        """See Generations.paused."""
        return frozenset(view for (view,) in await connection.fetch(self._sql["paused_views"]))
