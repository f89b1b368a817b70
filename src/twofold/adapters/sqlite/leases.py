"""Leases in an SQLite file, which one machine's processes share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import apsw
import msgspec

from twofold.adapters.sqlite.connection import fetch, rolled_back
from twofold.adapters.sqlite.errors import translated
from twofold.adapters.sqlite.processes import is_gone, this_process
from twofold.adapters.sqlite.writer import Writer
from twofold.clock import Clock
from twofold.event_store.leases import Lease, Roster

T = TypeVar("T")


class SqliteLeases:
    """Rows beside the log, changed under its write lock. What a killed process held is free at once."""

    def __init__(self, writer: Writer, reader: apsw.Connection, sql: dict[str, str], clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._sql = sql
        self._clock = clock

    async def attend(self, member: str, wants: Collection[str], seconds: float) -> Roster:
        """See Leases.attend."""
        names = _json(sorted(set(wants)))

        def attend(values: dict[str, Any]) -> Roster:
            self._forget_the_gone(values)
            self._run("forget_absent_members", values)
            self._run("attend", {**values, "process": this_process()})
            self._run("renew_leases", values)
            return self._roster(self._writer.connection, values)

        return await self._change(attend, member, seconds, names)

    async def roster(self) -> Roster:
        """See Leases.roster."""
        with translated(self._writer.path):
            self._reader.execute("BEGIN")
            try:
                return self._roster(self._reader, {"now": self._clock.now_micros()})
            finally:
                rolled_back(self._reader)

    async def take(self, member: str, names: Collection[str], seconds: float) -> dict[str, int]:
        """See Leases.take."""

        def take(values: dict[str, Any]) -> dict[str, int]:
            self._forget_the_gone(values)
            return dict(self._run("take_leases", values))

        return await self._change(take, member, seconds, _json(sorted(names)))

    async def give_up(self, member: str, names: Collection[str]) -> None:
        """See Leases.give_up."""
        await self._change(lambda values: self._run("give_up_leases", values), member, 0, _json(sorted(names)))

    async def leave(self, member: str) -> None:
        """See Leases.leave."""
        await self._change(self._forget, member, 0, "[]")

    async def _change(self, change: Callable[[dict[str, Any]], T], member: str, seconds: float, names: str) -> T:
        def job() -> T:
            now = self._clock.now_micros()  # once the write lock is had: who comes later never has an earlier time
            until = now + round(seconds * 1_000_000)
            return change({"member": member, "names": names, "now": now, "until": until})

        return await self._writer.transact(job)

    def _run(self, name: str, values: dict[str, Any]) -> list[Any]:
        return fetch(self._writer.connection, self._sql[name], values)

    def _forget(self, values: dict[str, Any]) -> None:
        self._run("give_up_all_leases", values)
        self._run("forget_member", values)

    def _forget_the_gone(self, values: dict[str, Any]) -> None:
        for member, _, process in self._run("members_here", values):
            if is_gone(process):
                self._forget({"member": member})

    def _roster(self, connection: apsw.Connection, values: dict[str, Any]) -> Roster:
        members = fetch(connection, self._sql["members_here"], values)
        gone = {member for member, _, process in members if is_gone(process)}
        held = fetch(connection, self._sql["leases_held"], values)
        return Roster(
            {member: frozenset(msgspec.json.decode(wants)) for member, wants, _ in members if member not in gone},
            {name: Lease(owner, fence) for name, owner, fence in held if owner not in gone},
        )


def _json(values: list[str]) -> str:
    return msgspec.json.encode(values).decode()
