"""The keeper holds this process's share of the leases, no longer than they last, and hands over what goes to others."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.runtime.keeping import SECONDS, VIEWS, Place
from twofold.errors import StoreUnavailableError
from twofold.runtime.assignment import assigned
from twofold.runtime.claim import uncontested
from twofold.runtime.keeper import leased
from twofold.testing.faults import DelayAt, FailAt, LoseAnswerAt, faulty


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
