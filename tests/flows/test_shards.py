"""Views are spread over shards, shards over processes: whoever comes, goes or dies, events fold once, in order."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.flows.team import BOXES, CONFIG, SHARDS, Boxes, BoxPage, Post, Team, TownPage, Wrap, team_on, with_shards
from twofold import Config, NotFreshError, OpenApp
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.read.spread import Spread
from twofold.testing.faults import DelayAt, faulty

VIEWS = ["BoxPage", "TownPage"]


@pytest.fixture
async def team(lasting_url: str) -> AsyncIterator[Team]:
    async with team_on(lasting_url) as found:
        yield found


async def test_one_process_runs_every_shard(team: Team):
    await team.come("ada")
    await team.post(40, random.Random(1))
    await team.settle()

    assert team.holders("BoxPage") == team.holders("TownPage") == ["ada"] * SHARDS
    await team.agrees()


async def test_a_newcomer_gets_its_share_while_events_come_in(team: Team):
    rng = random.Random(2)
    await team.come("ada")
    await team.post(30, rng)
    await team.members["ada"].step()
    await team.come("eve")
    for _ in range(10):
        await team.post(3, rng)
        await team.members["eve"].step()
        await team.members["ada"].step()
    await team.settle()

    both = team.holders("BoxPage") + team.holders("TownPage")
    assert abs(both.count("ada") - both.count("eve")) <= 4  # queued commands, alerts and the verifier count too
    await team.agrees()


async def test_what_a_process_had_that_left_goes_to_the_others_at_once(team: Team):
    rng = random.Random(3)
    await team.come("ada")
    await team.come("eve")
    await team.settle()
    await team.post(30, rng)
    await team.leave("eve")
    await team.settle()

    assert team.holders("BoxPage") == ["ada"] * SHARDS
    await team.agrees()


async def test_what_a_process_had_that_stands_still_goes_to_the_others_once_its_leases_have_ended(team: Team):
    rng = random.Random(4)
    await team.come("ada")
    await team.come("eve")
    await team.settle()
    team.stand_still("eve")
    await team.post(30, rng)
    await team.settle()
    waiting = [shard.state for name in VIEWS for shard in team.shards("ada", name)]
    team.clock.advance(CONFIG.lease_seconds)
    await team.settle()

    assert {"running", "standby"} == set(waiting)
    assert team.holders("TownPage") == ["ada"] * SHARDS
    await team.agrees()


class Careless(MemoryViewStore):
    """Takes whatever comes last, whoever it comes from."""

    async def save(self, generation, shard, changes, expected, reached, parking=()):
        at = await self.checkpoint(generation, shard)
        reached = reached._replace(fence=max(at.fence, reached.fence))
        await super().save(generation, shard, changes, at.mark, reached, parking)


async def overtaken(team: Team, wrap: Wrap) -> None:
    """A process is stopped while it saves, so long that another one goes on in its place; then it goes on too."""
    saving = DelayAt(SHARDS * len(VIEWS) + 1, "save")  # the first ones announce the leases
    ada = await team.come("ada", config=Config(), wrap=lambda rows: faulty(wrap(rows), saving))
    await team.settle()
    await team.post(100, random.Random(5))
    step = asyncio.create_task(ada.step())
    await saving.arrived.wait()
    team.clock.advance(CONFIG.lease_seconds)
    eve = await team.come("eve", wrap=wrap)
    await team.post(100, random.Random(6), by="eve")
    await eve.run_until_idle()
    saving.go_on.set()
    await step


async def test_a_batch_that_is_saved_after_its_lease_has_ended_is_refused(team: Team):
    await overtaken(team, lambda rows: rows)

    await team.agrees()
    await team.settle()
    await team.agrees()


async def test_a_store_that_takes_what_comes_after_the_end_of_a_lease_is_found_out(team: Team):
    """The check of the check: the same story on a careless store."""
    shared = Careless()
    await overtaken(team, lambda _: shared)

    with pytest.raises(AssertionError):
        await team.agrees()


async def act(team: Team, rng: random.Random, number: int) -> None:
    """Something happens to the team, or to one of it."""
    members = list(team.members)
    kind = rng.choice(["come", "post", "post", "step", "step", "step", "leave", "die", "stand still", "wait"])
    if kind == "come" and len(members) < 4:
        await team.come(f"process {number}")
    elif kind == "wait":
        team.clock.advance(rng.choice([0.5, 4.0, CONFIG.lease_seconds]))
    elif kind == "post" and members:
        await team.post(rng.randint(1, 8), rng, by=rng.choice(members))
    elif kind == "step" and members:
        together = rng.sample(members, rng.randint(1, len(members)))
        await asyncio.gather(*[team.members[name].step() for name in together])
    elif kind == "stand still" and members:
        team.stand_still(rng.choice(members))
    elif kind in {"leave", "die"} and members:
        await getattr(team, kind)(rng.choice(members))


async def test_processes_that_come_go_and_die_by_chance_fold_every_event_once_in_order(team: Team):
    seed = int(os.environ.get("TWOFOLD_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    for number in range(60):
        await act(team, rng, number)
    await team.come("the last")
    team.clock.advance(CONFIG.lease_seconds)
    await team.settle()
    await team.agrees()


# --- freshness and status -----------------------------------------------------------------


async def two_that_share(team: Team, view: str) -> tuple[OpenApp, OpenApp]:
    """Two processes that both hold some of the shards of *view*; chance gives all of them to one now and then."""
    ada, eve = await team.come("ada"), await team.come("eve")
    await team.settle()
    while len(set(team.holders(view))) == 1:
        await team.leave("eve")
        eve = await team.come("eve")
        await team.settle()
    return ada, eve


async def test_a_process_without_the_lease_answers_fresh_reads(team: Team):
    await team.come("ada")
    await team.settle()
    eve = await team.come("eve")
    token = await team.post(20, random.Random(6), by="eve")
    asking = asyncio.create_task(eve.find(BoxPage, after=token, wait=30))
    for _ in range(20):
        await team.members["ada"].step()

    assert sum(len(page.numbers) for page in await asking) == 20
    assert {shard.state for shard in team.shards("eve", "BoxPage")} == {"standby"}


async def test_a_read_of_one_row_waits_for_its_shard_alone(team: Team):
    """The other half of the shards belongs to a process that does nothing."""
    ada, eve = await two_that_share(team, "BoxPage")
    token = ""
    for number, box in enumerate(BOXES):
        token = (await ada.send(Post(box=box, number=number, town="Oslo"))).token
    await ada.run_until_idle()
    spread: Spread = ada.catalog.views["BoxPage"].spread
    owner = {box: team.holders("BoxPage")[spread.shard_of((box,), SHARDS)] for box in BOXES}
    here = next(box for box in BOXES if owner[box] == "ada")
    there = next(box for box in BOXES if owner[box] == "eve")

    for asked in (ada, eve):
        assert (await asked.get(BoxPage, here, after=token)).numbers == [BOXES.index(here)]
        with pytest.raises(NotFreshError):
            await asked.get(BoxPage, there, after=token, wait=0)
        with pytest.raises(NotFreshError):
            await asked.find(BoxPage, after=token, wait=0)
    await eve.run_until_idle()
    assert (await ada.get(BoxPage, there, after=token, wait=0)).numbers == [BOXES.index(there)]
    assert sum(len(page.numbers) for page in await ada.find(TownPage, after=token, wait=0)) == len(BOXES)


async def test_the_status_of_a_view_has_every_shard_and_is_that_of_the_least(team: Team):
    ada, _ = await two_that_share(team, "BoxPage")
    for number, box in enumerate(BOXES):
        await ada.send(Post(box=box, number=number, town="Oslo"))
    await ada.run_until_idle()

    status = ada.projectors["BoxPage"].status()

    assert len(status.shards) == SHARDS
    assert {shard.state for shard in status.shards} == {"running", "standby"}
    assert status.position == min(shard.position for shard in status.shards) < len(BOXES)
    assert max(shard.position for shard in status.shards) == len(BOXES)
    assert (await ada.check.view("BoxPage")).position == status.position


async def test_a_live_answer_comes_again_when_another_process_has_folded_on(team: Team):
    await team.come("ada")
    await team.settle()
    eve = await team.come("eve")
    answers: Any = eve.watch(Boxes())
    first = await anext(answers)
    coming = asyncio.ensure_future(anext(answers))
    await team.post(1, random.Random(7), by="eve")
    await team.members["ada"].run_until_idle()

    assert (first, len(await asyncio.wait_for(coming, 60))) == ([], 1)
    await answers.aclose()


async def test_another_number_of_shards_is_another_generation(team: Team):
    """Rows are spread anew beside the live ones, which answer meanwhile."""
    rng = random.Random(8)
    await team.come("ada")
    await team.post(40, rng)
    await team.settle()
    await team.leave("ada")
    bob = await team.come("bob", app=with_shards(2))
    await team.post(40, rng)
    before = sum(len(page.numbers) for page in await bob.find(bob.catalog.views["BoxPage"].view))
    for _ in range(40):
        team.clock.advance(1)
        await team.settle(1)

    assert before == 40
    assert len(team.shards("bob", "BoxPage")) == len(team.shards("bob", "TownPage")) == 2
    await team.agrees()
