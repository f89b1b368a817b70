"""Keeps this process's share of the leases: attends, takes, renews, hands over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from twofold.clock import Clock
from twofold.errors import UnavailableError
from twofold.event_store.leases import Lease, Leases, Roster
from twofold.runtime.assignment import assigned
from twofold.runtime.claim import Claim
from twofold.runtime.worker import Step

LEASE_SECONDS = 10.0
RENEWALS = 3

_log = logging.getLogger("twofold.runtime")


class Keeper:
    """Holds those leases that `assigned` gives to this process; knows nothing of what they are for.

    Each step looks who is here; three times in a lease's time it says that this process still is. What goes to
    another member is handed over once no step relies on it; what is free and goes to this one is taken.

    Args:
        leases: where they are given out.
        member: the name of this process; never that of another, or of one before it.
        clock: measures how long a lease is held.
        seconds: how long a lease lasts when it is not renewed.
    """

    def __init__(self, leases: Leases, member: str, clock: Clock, *, seconds: float = LEASE_SECONDS) -> None:
        self.member = member
        self._leases = leases
        self._clock = clock
        self._seconds = seconds
        self._claims: dict[str, Claim] = {}
        self._attended: frozenset[str] | None = None
        self._renew_at = 0.0
        self._taken = asyncio.Event()
        self._wanted: frozenset[str] | None = None

    def claim(self, name: str) -> Claim:
        """Want the lease *name* from now on."""
        found = self._claims.get(name)
        if found is None or not found.is_wanted:
            found = self._claims[name] = Claim(name, self._clock)
        return found

    def is_wanted(self, name: str) -> bool:
        """Whether any process wants the lease *name*, as far as this one has seen; so it is before it has looked."""
        return self._wanted is None or name in self._wanted

    def holds(self) -> dict[str, bool]:
        """Every lease that this process wants, and whether it holds it."""
        return {name: claim.is_held for name, claim in self._claims.items()}

    async def step(self) -> int:
        """Look who is here and what is held, and do this process's part; returns 0: nothing of the log was moved.

        Raises UnavailableError when the store does not answer; claims run out meanwhile.
        """
        self._claims = {name: claim for name, claim in self._claims.items() if claim.is_wanted}
        if self._claims:
            roster = await self._look()
            self._wanted = frozenset().union(*roster.members.values())
            goes_to = assigned(roster.members)
            await self._hand_over(roster.leases, goes_to)
            await self._take(roster.leases, goes_to)
        return 0

    async def changed(self, seconds: float) -> bool:
        """Return True as soon as a lease is taken, False after *seconds*."""
        try:
            async with asyncio.timeout(seconds):
                await self._taken.wait()
        except TimeoutError:
            return False
        return True

    async def leave(self) -> None:
        """Give everything up, so that others need not wait for it to end. A store that does not answer is let be."""
        for claim in self._claims.values():
            claim.end()
        if self._attended is None:
            return
        self._attended = None
        try:
            await self._leases.leave(self.member)
        except UnavailableError as error:
            _log.warning("leases were not given up (%s); they end within %g s", error, self._seconds)

    async def _look(self) -> Roster:
        """The roster of now; this process attends when it is time to, or when the store knows something else of it."""
        now, wants = self._clock.monotonic(), frozenset(self._claims)
        if now < self._renew_at and wants == self._attended:
            roster = await self._leases.roster()
            if self._agrees(roster):
                return roster
        self._attended = wants
        roster = await self._leases.attend(self.member, wants, self._seconds)
        self._renew_at = now + self._seconds / RENEWALS
        self._renew(roster.leases, now + self._seconds)
        return roster

    def _agrees(self, roster: Roster) -> bool:
        held = {name for name, lease in roster.leases.items() if lease.owner == self.member}
        return self.member in roster.members and held == {name for name, claim in self._claims.items() if claim.is_held}

    def _renew(self, leases: Mapping[str, Lease], until: float) -> None:
        lost = []
        for name, claim in self._claims.items():
            lease = leases.get(name)
            if lease is not None and lease.owner == self.member:
                claim.hold(lease.fence, until)
            elif claim.end():
                lost.append(name)
        if lost:
            _log.warning("lost leases, not renewed in time or given to others meanwhile: %s", ", ".join(lost))

    async def _hand_over(self, leases: Mapping[str, Lease], goes_to: Mapping[str, str]) -> None:
        over = []
        for name, lease in leases.items():
            if lease.owner != self.member or goes_to.get(name) == self.member:
                continue
            claim = self._claims.get(name)
            if claim is not None:
                claim.leave()
            if claim is None or not claim.is_working:
                over.append(name)
        if over:
            await self._leases.give_up(self.member, over)
            for claim in map(self._claims.get, over):
                if claim is not None:
                    claim.end()

    async def _take(self, leases: Mapping[str, Lease], goes_to: Mapping[str, str]) -> None:
        free = [name for name in self._claims if name not in leases and goes_to.get(name) == self.member]
        if not free:
            return
        until = self._clock.monotonic() + self._seconds
        for name, fence in (await self._leases.take(self.member, free, self._seconds)).items():
            self._claims[name].hold(fence, until)
        self._taken.set()
        self._taken = asyncio.Event()


def leased(claim: Claim, step: Step) -> Step:
    """*step*, taken only while *claim* is held."""

    async def step_if_held() -> int:
        with claim.working() as fence:
            return 0 if fence is None else await step()

    return step_if_held
