"""The keeper holds this process's share of the leases, no longer than they last, and hands over what goes to others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twofold.adapters.memory.log import open_memory_log
from twofold.errors import StoreUnavailableError
from twofold.event_store.leases import Leases
from twofold.runtime.assignment import assigned
from twofold.runtime.claim import Claim, uncontested
from twofold.runtime.keeper import Keeper, leased
from twofold.testing.clock import ManualClock
from twofold.testing.faults import DelayAt, FailAt, LoseAnswerAt, Plan, faulty

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


@pytest.fixture
def place() -> Place:
    return Place()


async def test_one_alone_holds_everything_after_its_first_step(place: Place):
    await place.come("ada").step()

    assert place.held("ada") == set(VIEWS)


async def test_without_claims_a_process_is_no_member(place: Place):
    await place.come("ada", ()).step()

    assert (await place.leases.roster()).members == {}


async def test_a_claim_has_the_fence_that_was_given_out(place: Place):
    await place.come("ada").step()

    leases = (await place.leases.roster()).leases
    assert {name: lease.fence for name, lease in leases.items()} == {
        name: place.claim("ada", name).fence for name in VIEWS
    }


async def test_a_newcomer_gets_its_share_and_the_rest_stays(place: Place):
    place.come("ada")
    await place.settle("ada")
    fences = {name: place.claim("ada", name).fence for name in VIEWS}
    place.come("eve")

    await place.settle("eve", "ada", "eve")

    assert (len(place.held("ada")), len(place.held("eve"))) == (4, 4)
    assert place.held("ada") | place.held("eve") == set(VIEWS)
    assert all(place.claim("ada", name).fence == fences[name] for name in place.held("ada"))
    assert all((place.claim("eve", name).fence or 0) > (fences[name] or 0) for name in place.held("eve"))


async def test_what_a_member_that_left_had_is_taken_at_once(place: Place):
    place.come("ada")
    eve = place.come("eve")
    await place.settle("ada", "eve")

    await eve.leave()
    await place.settle("ada", rounds=1)

    assert place.held("eve") == set()
    assert place.held("ada") == set(VIEWS)


async def test_what_a_member_that_died_had_is_taken_once_it_has_ended(place: Place):
    place.come("ada")
    place.come("eve")
    await place.settle("ada", "eve")

    for second in range(1, 10):
        place.clock.advance(1)
        await place.settle("ada", rounds=1)
        assert len(place.held("ada")) == 4, second
    place.clock.advance(1)
    await place.settle("ada", rounds=2)

    assert place.held("ada") == set(VIEWS)


async def test_a_lease_is_handed_over_once_no_step_relies_on_it(place: Place):
    place.come("ada")
    await place.settle("ada")
    place.come("eve")
    await place.settle("eve", rounds=1)
    goes = next(name for name, member in assigned({"ada": VIEWS, "eve": VIEWS}).items() if member == "eve")
    claim = place.claim("ada", goes)

    with claim.working() as fence:
        await place.settle("ada", "eve")
        owner_meanwhile = (await place.leases.roster()).leases[goes].owner
        begun_meanwhile = claim.fence
    await place.settle("ada", "eve")

    assert fence is not None
    assert (owner_meanwhile, begun_meanwhile) == ("ada", None)
    assert (await place.leases.roster()).leases[goes].owner == "eve"
    assert goes in place.held("eve")


async def test_a_claim_that_was_not_renewed_is_over_by_itself(place: Place):
    await place.come("ada").step()

    place.clock.advance(SECONDS - 0.001)
    before = place.held("ada")
    place.clock.advance(0.001)

    assert (before, place.held("ada")) == (set(VIEWS), set())


async def test_claims_are_renewed_while_the_store_answers(place: Place):
    await place.come("ada").step()
    fences = [place.claim("ada", name).fence for name in VIEWS]

    for _ in range(100):
        place.clock.advance(1)
        await place.settle("ada", rounds=1)

    assert [place.claim("ada", name).fence for name in VIEWS] == fences


async def test_a_lease_counts_from_before_it_was_asked_for(place: Place):
    plan = DelayAt(1, "take")
    step = asyncio.create_task(place.come("ada", plan=plan).step())
    await plan.arrived.wait()
    place.clock.advance(4)
    plan.go_on.set()
    await step

    place.clock.advance(5.5)
    before = place.held("ada")
    place.clock.advance(0.5)

    assert (before, place.held("ada")) == (set(VIEWS), set())


async def test_a_renewal_whose_answer_comes_late_counts_from_before_it_was_asked_for(place: Place):
    plan = DelayAt(2, "attend")
    ada = place.come("ada", plan=plan)
    await ada.step()
    place.clock.advance(4)
    step = asyncio.create_task(ada.step())
    await plan.arrived.wait()
    place.clock.advance(5)
    plan.go_on.set()
    await step

    place.clock.advance(4.5)
    before = place.held("ada")
    place.clock.advance(0.5)

    assert (before, place.held("ada")) == (set(VIEWS), set())


@pytest.mark.parametrize("method", ["attend", "take", "roster"])
@pytest.mark.parametrize("plan", [FailAt, LoseAnswerAt])
async def test_after_a_store_that_did_not_answer_everything_is_held_again(
    place: Place, plan: type[FailAt | LoseAnswerAt], method: str
):
    ada = place.come("ada", plan=plan(1, method))

    for _ in range(3):
        try:
            await ada.step()
        except StoreUnavailableError:
            await ada.step()

    assert place.held("ada") == set(VIEWS)


async def test_when_nobody_answers_the_claims_run_out(place: Place):
    ada = place.come("ada")
    await ada.step()

    class Down:
        async def run(self, method, call):
            raise StoreUnavailableError("down")

    ada._leases = faulty(place.leases, Down())
    for _ in range(10):
        place.clock.advance(1)
        with pytest.raises(StoreUnavailableError):
            await ada.step()

    assert place.held("ada") == set()


async def test_a_process_that_slept_too_long_holds_nothing_until_it_has_asked(place: Place):
    place.come("ada")
    place.come("eve")
    await place.settle("ada", "eve")
    slept = place.held("ada")
    place.clock.advance(SECONDS)
    await place.settle("eve", rounds=2)

    assert place.held("ada") == set()
    assert place.held("eve") == set(VIEWS)
    await place.settle("ada", "eve", "ada")
    assert len(place.held("ada")) == len(slept) == 4


async def test_leaving_without_having_come_asks_nothing(place: Place):
    await place.come("ada", plan=FailAt(1)).leave()


async def test_leaving_a_store_that_does_not_answer_is_no_error(place: Place, caplog: pytest.LogCaptureFixture):
    ada = place.come("ada", plan=FailAt(1, "leave"))
    await ada.step()

    await ada.leave()

    assert place.held("ada") == set()
    assert "end within 10 s" in caplog.text


async def test_who_waits_is_told_when_a_lease_is_taken(place: Place):
    ada = place.come("ada")
    waiting = asyncio.create_task(ada.changed(60))
    await asyncio.sleep(0)

    await ada.step()

    assert await waiting
    assert not await ada.changed(0)


async def test_a_leased_step_is_taken_only_while_its_lease_is_held(place: Place):
    ada = place.come("ada", ["expiry"])

    async def one() -> int:
        return 1

    step = leased(ada.claim("expiry"), one)
    before = await step()
    await ada.step()
    held = await step()
    place.clock.advance(SECONDS)

    assert (before, held, await step()) == (0, 1, 0)


def test_an_uncontested_claim_is_held_for_ever():
    assert uncontested(3).fence == 3


# --- members come and go ------------------------------------------------------------------

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
