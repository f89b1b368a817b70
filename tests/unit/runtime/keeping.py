"""Leases, their clock, and members that come and go."""

from __future__ import annotations

from collections.abc import Collection

from twofold.adapters.memory.log import open_memory_log
from twofold.event_store.leases import Leases
from twofold.runtime.claim import Claim
from twofold.runtime.keeper import Keeper
from twofold.testing.clock import ManualClock
from twofold.testing.faults import Plan, faulty

SECONDS = 10.0
VIEWS = [f"view {number}" for number in range(8)]


class Place:
    """Leases, their clock, and the members that have come."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leases: Leases = open_memory_log(self.clock).leases
        self.members: dict[str, tuple[Keeper, list[Claim]]] = {}

    def come(self, member: str, names: Collection[str] = VIEWS, plan: Plan | None = None) -> Keeper:
        keeper = Keeper(faulty(self.leases, plan) if plan else self.leases, member, self.clock, seconds=SECONDS)
        self.members[member] = keeper, [keeper.claim(name) for name in names]
        return keeper

    def held(self, member: str) -> set[str]:
        return {claim.name for claim in self.members[member][1] if claim.fence is not None}

    def claim(self, member: str, name: str) -> Claim:
        return self.members[member][0].claim(name)

    async def settle(self, *members: str, rounds: int = 3) -> None:
        for _ in range(rounds):
            for member in members:
                await self.members[member][0].step()
