"""Leases in memory: they share the work out between those who have opened the same log."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from twofold.adapters.memory.lifetime import Lifetime
from twofold.clock import Clock
from twofold.event_store.leases import Lease, Roster


class _Time(NamedTuple):
    """From when until when (microseconds) something holds. A moment before it is a clock that was set back."""

    since: int
    until: int

    def has(self, now: int) -> bool:
        return self.since <= now < self.until


class MemoryLeases:
    """The reference implementation of Leases."""

    def __init__(self, lifetime: Lifetime, clock: Clock) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._members: dict[str, tuple[frozenset[str], _Time]] = {}
        self._leases: dict[str, tuple[Lease, _Time]] = {}

    async def attend(self, member: str, wants: Collection[str], seconds: float) -> Roster:
        """See Leases.attend."""
        time = self._time(seconds)
        here = {name: stay for name, stay in self._members.items() if stay[1].has(time.since)}
        self._members = here | {member: (frozenset(wants), time)}
        for name, (lease, held) in self._leases.items():
            if lease.owner == member and held.has(time.since):
                self._leases[name] = lease, time
        return await self.roster()

    async def roster(self) -> Roster:
        """See Leases.roster."""
        now = self._time(0).since
        members = {member: wants for member, (wants, time) in self._members.items() if time.has(now)}
        return Roster(members, {name: lease for name, (lease, time) in self._leases.items() if time.has(now)})

    async def take(self, member: str, names: Collection[str], seconds: float) -> dict[str, int]:
        """See Leases.take."""
        time = self._time(seconds)
        held = (await self.roster()).leases
        for name in names:
            last, _ = self._leases.get(name, (Lease("", 0), time))
            if name not in held:
                self._leases[name] = Lease(member, max(last.fence + 1, time.since)), time
            elif last.owner == member:
                self._leases[name] = last, time
        return {name: lease.fence for name in names if (lease := self._leases[name][0]).owner == member}

    async def give_up(self, member: str, names: Collection[str]) -> None:
        """See Leases.give_up."""
        over = self._time(0)
        for name in names:
            lease, _ = self._leases.get(name, (None, over))
            if lease is not None and lease.owner == member:
                self._leases[name] = lease, over

    async def leave(self, member: str) -> None:
        """See Leases.leave."""
        await self.give_up(member, list(self._leases))
        self._members.pop(member, None)

    def _time(self, seconds: float) -> _Time:
        self._lifetime.check()
        now = self._clock.now_micros()
        return _Time(now, now + round(seconds * 1_000_000))
