"""The generations of a view store's file beside the live ones: built, promoted, labelled, dropped."""

from __future__ import annotations

from typing import Any

import apsw

from twofold.adapters.sql.view_definition import drop_table, publish
from twofold.adapters.sql.view_shape import kept_of, remembered
from twofold.adapters.sql.view_table import RowTable
from twofold.adapters.sqlite.connection import fetch, one
from twofold.adapters.sqlite.view_generations import Generations
from twofold.adapters.sqlite.view_kinds import SQLITE
from twofold.adapters.sqlite.view_turns import Steps
from twofold.errors import ConflictError, LeaseLostError, MisuseError
from twofold.read.generations import Kept, Status
from twofold.read.view_store import Generation, ViewTable

_GONE = ("drop_checkpoints", "drop_parked", "drop_waiting")


class Copies:
    """What `Generations` asks of a store; every method runs inside the caller's transaction."""

    def __init__(self, statements: dict[str, str], generations: Generations) -> None:
        self._sql = statements
        self._generations = generations

    def kept(self, connection: apsw.Connection, view: str) -> list[Kept]:
        """See Generations.generations."""
        return [kept_of(row) for row in fetch(connection, self._sql["generations"], (view,))]

    def build(self, connection: apsw.Connection, table: ViewTable, epoch: str, shards: int) -> Steps[Generation]:
        """See Generations.build."""
        found = one(connection, self._sql["alike_generation"], (table.view, table.fingerprint, epoch))
        if found is not None:
            return Generation(*found)
        return (yield from self._generations.make(connection, table, epoch, shards, Status.BUILDING))

    def promote(self, connection: apsw.Connection, generation: Generation, *, behind: bool, why: str) -> Steps[None]:
        """See Generations.promote."""
        yield
        place = (generation.view, generation.number)
        found = one(connection, self._sql["read_generation"], place)
        if found is None:
            raise ConflictError(f"generation {generation.number} of {generation.view} is not kept any more")
        _, shape, live = found
        if live == generation.number:
            return
        if live is not None:
            if not behind and one(connection, self._sql["is_behind"], (*place, live))[0]:
                raise ConflictError(f"generation {generation.number} of {generation.view} is behind the live one")
            self._run(connection, "label_generation", Status.RETIRED, why, generation.view, live)
        self._run(connection, "make_live", *place)
        self._run(connection, "point_to_generation", *place)
        table = remembered(generation.view, shape)
        if table.columns:
            for statement in publish(RowTable(table, generation.number, SQLITE)):
                connection.execute(statement)

    def label(self, connection: apsw.Connection, generation: Generation, status: Status, why: str) -> Steps[None]:
        """See Generations.label."""
        yield
        found = one(connection, self._sql["read_generation"], (generation.view, generation.number))
        if found is None:
            raise LeaseLostError(f"generation {generation.number} of {generation.view} is not kept any more")
        if status is Status.LIVE or found[2] == generation.number:
            raise MisuseError(f"which generation of {generation.view} is live is said by promote")
        self._run(connection, "label_generation", status, why, generation.view, generation.number)

    def drop(self, connection: apsw.Connection, generation: Generation) -> Steps[None]:
        """See Generations.drop."""
        yield
        place = (generation.view, generation.number)
        found = one(connection, self._sql["read_generation"], place)
        if found is None:
            return
        if found[2] == generation.number:
            raise MisuseError(f"generation {generation.number} of {generation.view} is live: promote another first")
        for name in _GONE:
            self._run(connection, name, *place)
        self._run(connection, "label_generation", "dropped", "", *place)
        table = remembered(generation.view, found[1])
        for each in (table, *table.lookups):
            connection.execute(drop_table(RowTable(each, generation.number, SQLITE)))

    def pause(self, connection: apsw.Connection, view: str, *, paused: bool) -> Steps[None]:
        """See Generations.pause."""
        yield
        self._run(connection, "pause_view" if paused else "resume_view", view)

    def paused(self, connection: apsw.Connection) -> frozenset[str]:
        """See Generations.paused."""
        return frozenset(view for (view,) in fetch(connection, self._sql["paused_views"]))

    def _run(self, connection: apsw.Connection, name: str, *values: Any) -> None:
        connection.execute(self._sql[name], values).fetchall()
