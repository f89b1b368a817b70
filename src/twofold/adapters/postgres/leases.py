"""Leases in a PostgreSQL database, whose clock decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from twofold.adapters.postgres.appending import Now
from twofold.adapters.postgres.database import Database
from twofold.event_store.leases import Lease, Roster


class PostgresLeases:
    """Rows beside the log. Every call is one statement; those that change something take turns.

    What a process had whose own connection has ended is free at once. *backend* gives the number of the server's end
    of that connection; without one a member is waited for until its time is up.
    """

    def __init__(
        self, database: Database, sql: dict[str, str], now: Now, backend: Callable[[], int | None] = lambda: None
    ) -> None:
        self._database = database
        self._sql = sql
        self._now = now
        self._backend = backend
        self._last: tuple[str, int | None] = "", None

    async def attend(self, member: str, wants: Collection[str], seconds: float) -> Roster:
        """See Leases.attend."""
        names = sorted(set(wants))
        self._last = member, self._backend()
        values = (names, _micros(seconds), self._now())
        return _roster(await self._database.fetch(self._sql["attend"], member, *values, self._last[1]))

    async def roster(self) -> Roster:
        """See Leases.roster. It also says so when this process has another connection now than when it attended."""
        member, backend = self._last[0], self._backend()
        if backend != self._last[1]:
            await self._database.fetch(self._sql["move_member"], member, backend)
            self._last = member, backend
        return _roster(await self._database.fetch(self._sql["roster"], self._now()))

    async def take(self, member: str, names: Collection[str], seconds: float) -> dict[str, int]:
        """See Leases.take."""
        statement = self._sql["take_leases"]
        rows = await self._database.fetch(statement, member, sorted(names), _micros(seconds), self._now())
        return {row["lease"]: row["number"] for row in rows}

    async def give_up(self, member: str, names: Collection[str]) -> None:
        """See Leases.give_up."""
        await self._database.fetch(self._sql["give_up_leases"], member, sorted(names))

    async def leave(self, member: str) -> None:
        """See Leases.leave."""
        await self._database.fetch(self._sql["leave"], member)


def _roster(rows: Iterable[Any]) -> Roster:
    members: dict[str, frozenset[str]] = {}
    leases: dict[str, Lease] = {}
    for member, wants, lease, fence in rows:
        if lease is None:
            members[member] = frozenset(wants)
        else:
            leases[lease] = Lease(member, fence)
    return Roster(members, leases)


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
