"""Lag that cannot lie: measured in the stores, the same for everybody, growing for as long as nobody folds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from twofold import Aggregate, App, Command, Config, Event, View, decides, evolves
from twofold.adapters.memory.log import open_memory_log
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.app.open_app import OpenApp
from twofold.read.lag import LagMeter
from twofold.runtime.health import ReaderStatus
from twofold.testing.clock import ManualClock
from twofold.testing.faults import NoFaults, faulty


class Ring(Command):
    bell: str


class Paint(Command):
    bell: str


class Rung(Event):
    bell: str


class Painted(Event):
    bell: str


class Bell(Aggregate, key="bell"):
    @decides(existing=False)
    def ring(self, command: Ring) -> Rung:
        return Rung(bell=command.bell)

    @decides(existing=False)
    def paint(self, command: Paint) -> Painted:
        return Painted(bell=command.bell)


class Rings(View, key="bell"):
    bell: str
    times: int = 0

    @evolves
    def rung(self, event: Rung) -> None:
        if event.bell.startswith("cracked"):
            raise ValueError("it has no sound")
        self.times += 1


TOWER = App("tower", aggregates=[Bell], views=[Rings])
Measure = Callable[[OpenApp], Awaitable[tuple[int, float]]]


async def ring(tower: OpenApp, times: int = 1, bell: str = "great") -> None:
    for _ in range(times):
        await tower.send(Ring(bell=bell))


async def lag(tower: OpenApp) -> ReaderStatus:
    (found,) = await tower.check.views()
    return found


async def of_the_stores(tower: OpenApp) -> tuple[int, float]:
    found = await lag(tower)
    return found.lag_events, found.lag_seconds


async def in_the_projectors_words(tower: OpenApp) -> tuple[int, float]:
    """What a naive gauge shows: what the projector said last."""
    said = tower.projectors["Rings"].status()
    return (0, 0.0) if said.caught_up else (1, 1.0)


async def grows_while_nobody_folds(url: str, measure: Measure) -> bool:
    clock = ManualClock()
    async with TOWER.open(url, config=Config(), workers=False, clock=clock) as tower:
        await ring(tower)
        await tower.run_until_idle()
        found = [await measure(tower)]
        await ring(tower, 3)
        for _ in range(2):
            clock.advance(60)
            found.append(await measure(tower))
    return found == [(0, 0.0), (3, 60.0), (3, 120.0)]


async def test_a_view_that_nobody_folds_falls_behind_for_as_long_as_that_lasts(url: str) -> None:
    assert await grows_while_nobody_folds(url, of_the_stores)


async def test_planted_lag_in_the_projectors_own_words_is_found_out(url: str) -> None:
    assert not await grows_while_nobody_folds(url, in_the_projectors_words)


async def grows_while_it_is_stopped(url: str, measure: Measure) -> bool:
    clock = ManualClock()
    async with TOWER.open(url, config=Config(parked_keys=1), workers=False, clock=clock) as tower:
        await ring(tower)
        await ring(tower, bell="cracked")
        await ring(tower, bell="cracked too")
        clock.advance(30)
        await ring(tower)
        await tower.run_until_idle()
        clock.advance(30)
        stopped = await lag(tower)
        return (stopped.state, await measure(tower)) == ("stopped", (2, 60.0)) and "no sound" in (stopped.error or "")


async def test_a_stopped_view_falls_behind_too_and_says_why(url: str) -> None:
    assert await grows_while_it_is_stopped(url, of_the_stores)


async def of_what_runs(tower: OpenApp) -> tuple[int, float]:
    """A gauge that is set when a page has been folded, and that nothing sets while the view is stopped."""
    return (0, 0.0) if tower.projectors["Rings"].status().state == "stopped" else await of_the_stores(tower)


async def test_planted_lag_that_is_set_only_by_what_runs_is_found_out(url: str) -> None:
    assert not await grows_while_it_is_stopped(url, of_what_runs)


async def test_every_process_finds_the_same_whether_it_runs_the_view_or_not(lasting_url: str) -> None:
    clock = ManualClock()
    async with (
        TOWER.open(lasting_url, config=Config(), workers=False, clock=clock) as folding,
        TOWER.open(lasting_url, config=Config(), workers=False, clock=clock) as watching,
    ):
        await ring(folding, 5)
        clock.advance(7)
        behind = [await of_the_stores(folding), await of_the_stores(watching)]
        await folding.run_until_idle()
        caught_up = [await of_the_stores(folding), await of_the_stores(watching)]

    assert behind == [(5, 7.0)] * 2
    assert caught_up == [(0, 0.0)] * 2


async def test_the_oldest_event_that_is_not_folded_counts_not_the_newest(url: str) -> None:
    clock = ManualClock()
    async with TOWER.open(url, config=Config(), workers=False, clock=clock) as tower:
        for _ in range(4):
            await ring(tower)
            clock.advance(1)

        assert await of_the_stores(tower) == (4, 4.0)


async def test_events_that_a_view_does_not_read_are_behind_it_until_its_checkpoint_passes_them(url: str) -> None:
    clock = ManualClock()
    async with TOWER.open(url, config=Config(), workers=False, clock=clock) as tower:
        await tower.send(Paint(bell="great"))
        clock.advance(2)
        before = await of_the_stores(tower)
        await tower.run_until_idle()

        assert before == (1, 2.0), "a token of that event waits for this view"
        assert await of_the_stores(tower) == (0, 0.0)


async def test_a_clock_that_is_set_back_hides_nothing(url: str) -> None:
    clock = ManualClock()
    async with TOWER.open(url, config=Config(), workers=False, clock=clock) as tower:
        await ring(tower)
        first = await of_the_stores(tower)
        clock.set_back(3600)
        clock.advance(10)

        assert (first, await of_the_stores(tower)) == ((1, 0.0), (1, 10.0))


async def test_the_stores_clock_counts_not_that_of_the_process_that_asks() -> None:
    clock, wrong = ManualClock(), ManualClock()
    wrong.advance(3600)
    async with TOWER.open("memory://", config=Config(), workers=False, clock=clock) as tower:
        await ring(tower)
        clock.advance(3)
        meter = LagMeter(tower.log.events, MemoryViewStore(), [table(tower)], wrong, objective=1.0)

        (found,) = await meter.measure()

    assert (found.state, found.lag_events, found.lag_seconds) == ("starting", 1, 3.0)


def table(tower: OpenApp) -> Any:
    return tower.catalog.views["Rings"].table


async def test_a_view_of_a_log_that_was_restored_is_behind_all_of_it() -> None:
    clock, store = ManualClock(), MemoryViewStore()
    async with TOWER.open("memory://", config=Config(), workers=False, clock=clock) as tower:
        await ring(tower, 3)
        restored = open_memory_log(clock)
        await store.open_generation(table(tower), restored.events.epoch)
        meter = LagMeter(tower.log.events, store, [table(tower)], clock, objective=1.0)
        clock.advance(9)

        (found,) = await meter.measure()

    assert (found.state, found.lag_events, found.lag_seconds) == ("stopped", 3, 9.0)
    assert found.error == "it is of another log"
    assert "--restored" in (found.remedy or "")


@pytest.mark.parametrize("behind", [1, 500])
async def test_it_costs_the_same_however_far_a_view_is_behind(behind: int) -> None:
    async with TOWER.open("memory://", config=Config(), workers=False, clock=ManualClock()) as tower:
        await ring(tower, behind)
        plan = NoFaults()
        log, store = faulty(tower.log.events, plan), faulty(MemoryViewStore(), plan)
        await store.open_generation(table(tower), tower.log.events.epoch)
        meter = LagMeter(log, store, [table(tower)], ManualClock(), objective=1.0)

        await meter.measure()
        at_first = len(plan.calls)
        await meter.measure()

    assert plan.calls.count("read_log") == 1, "one event, remembered while it is the oldest"
    assert at_first <= 10
    assert len(plan.calls) < 2 * at_first


async def test_what_was_measured_a_moment_ago_will_do_when_asked_so() -> None:
    clock = ManualClock()
    async with TOWER.open("memory://", config=Config(), workers=False, clock=clock) as tower:
        await tower.check.views()
        await ring(tower)
        clock.advance(0.9)

        kept = (await tower.check.views(max_age=1.0))[0].lag_events
        clock.advance(0.1)

        assert (kept, (await tower.check.views(max_age=1.0))[0].lag_events) == (0, 1)


async def test_the_rate_is_what_the_checkpoint_moves_in_a_second() -> None:
    clock = ManualClock()
    config = Config(page_events=10)
    async with TOWER.open("memory://", config=config, workers=False, clock=clock) as tower:
        await ring(tower, 100)
        rates = [(await lag(tower)).rate]
        for _ in range(5):
            await tower.step()
            clock.advance(1)
            rates.append((await lag(tower)).rate)
        found = await lag(tower)
        for _ in range(60):
            clock.advance(1)
            await tower.check.views()

        assert rates[0] is None
        assert rates[1:] == pytest.approx([10.0] * 5)
        assert (found.state, found.lag_events) == ("catching-up", 50)
        assert ((await lag(tower)).rate or 0.0) < 0.1, "nobody folds any more"


async def test_a_paused_view_says_so_and_falls_behind() -> None:
    clock, store = ManualClock(), MemoryViewStore()
    async with TOWER.open("memory://", config=Config(), workers=False, clock=clock) as tower:
        await store.open_generation(table(tower), tower.log.events.epoch)
        await store.pause("Rings", paused=True)
        await ring(tower)
        clock.advance(5)
        meter = LagMeter(tower.log.events, store, [table(tower)], clock, objective=1.0)

        (found,) = await meter.measure()

    assert (found.state, found.lag_events, found.lag_seconds) == ("paused", 1, 5.0)


async def test_a_second_generation_in_the_making_is_told_of() -> None:
    clock, store = ManualClock(), MemoryViewStore()
    async with TOWER.open("memory://", config=Config(), workers=False, clock=clock) as tower:
        epoch = tower.log.events.epoch
        await store.open_generation(table(tower), epoch)
        await store.build(table(tower)._replace(fingerprint="changed"), epoch)
        meter = LagMeter(tower.log.events, store, [table(tower)], clock, objective=1.0)

        (found,) = await meter.measure()

    assert (found.state, found.generation, found.lag_events) == ("rebuilding", 1, 0)
