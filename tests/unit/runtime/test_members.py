"""Whatever members come, go and die: one of them holds a lease at a time, and in the end each has its share."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.runtime.keeping import VIEWS, Place
from twofold.runtime.assignment import assigned
from twofold.runtime.claim import Claim
from twofold.runtime.keeper import Keeper

MEMBERS = ("ada", "bob", "cyd", "dan")
OLD, NEW = VIEWS[:5], VIEWS[3:]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["come", "step", "step", "step", "die", "leave"]), st.sampled_from(MEMBERS)),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0, 3.0, 7.0, 11.0])),
        st.tuples(st.just("set back"), st.just(3600.0)),
    ),
    max_size=60,
)


class Watched:
    """Members that come and go, watched for two that hold one lease."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.alive: dict[str, Keeper] = {}
        self.fences: dict[tuple[str, int], str] = {}
        self.claims: list[tuple[str, Claim]] = []
        self.ended: set[tuple[str, int]] = set()
        self.number = 0

    async def act(self, kind: str, what) -> None:
        if kind == "wait":
            self.place.clock.advance(what)
        elif kind == "set back":
            self.place.clock.set_back(what)
            self.ended = set(self.fences)
        elif kind == "come" and what not in self.alive:
            self.number += 1
            member = f"{what} {self.number}"
            self.alive[what] = self.place.come(member, OLD if what == "dan" else NEW if what == "ada" else VIEWS)
            self.claims += [(member, claim) for claim in self.place.members[member][1]]
        elif what in self.alive:
            if kind == "step":
                await self.alive[what].step()
            elif kind == "leave":
                await self.alive.pop(what).leave()
            elif kind == "die":
                del self.alive[what]
        self.check()

    def check(self) -> None:
        """A store's clock that was set back ended all leases, unknown to who held them: they are fenced off."""
        holders: dict[str, str] = {}
        for member, claim in self.claims:
            fence = claim.fence
            if fence is None:
                continue
            assert self.fences.setdefault((claim.name, fence), member) == member, f"two had {claim.name} as {fence}"
            if (claim.name, fence) not in self.ended:
                assert holders.setdefault(claim.name, member) == member, f"two hold {claim.name}"
                assert all(fence > old for name, old in self.ended if name == claim.name), "nobody is fenced off"

    async def settle(self) -> None:
        for _ in range(16):
            await self.act("wait", 1.0)
            for name in list(self.alive):
                await self.act("step", name)

    def check_settled(self) -> None:
        wanted = {keeper.member: frozenset(keeper._claims) for keeper in self.alive.values()}
        held = {claim.name: member for member, claim in self.claims if claim.fence is not None}
        assert held == assigned(wanted)


async def go_on(watched: Watched, acts) -> None:
    for act in acts:
        await watched.act(*act)
    await watched.settle()
    watched.check_settled()


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ACTS)
def test_members_come_and_go_and_every_lease_has_one_holder_at_a_time_and_one_in_the_end(acts):
    asyncio.run(go_on(Watched(Place()), acts))


# --- planted bugs -------------------------------------------------------------------------


class KeepsItsClaims(Claim):
    """Does not notice that its time has run out."""

    @property
    def is_held(self) -> bool:
        return self._fence is not None


async def test_planted_claim_that_does_not_run_out_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("twofold.runtime.keeper.Claim", KeepsItsClaims)
    acts = [("come", "bob"), ("step", "bob"), ("wait", 11.0), ("come", "cyd"), ("step", "cyd")]

    with pytest.raises(AssertionError, match="two hold"):
        await go_on(Watched(Place()), acts)


async def test_planted_store_that_gives_a_fence_out_twice_is_found(monkeypatch: pytest.MonkeyPatch):
    place = Place()
    take = place.leases.take

    async def reused(member: str, names: Collection[str], seconds: float) -> dict[str, int]:
        return dict.fromkeys(await take(member, names, seconds), 7)

    monkeypatch.setattr(place.leases, "take", reused)
    acts = [("come", "bob"), ("step", "bob"), ("wait", 11.0), ("come", "cyd"), ("step", "cyd")]

    with pytest.raises(AssertionError, match="two had"):
        await go_on(Watched(place), acts)


async def test_planted_assignment_that_differs_by_process_is_found(monkeypatch: pytest.MonkeyPatch):
    calls = 0

    def mine(members):
        nonlocal calls
        calls += 1
        return dict.fromkeys(assigned(members), sorted(members)[calls % len(members)])

    monkeypatch.setattr("twofold.runtime.keeper.assigned", mine)
    acts = [("come", "bob"), ("come", "cyd")]

    with pytest.raises(AssertionError):
        await go_on(Watched(Place()), acts)
