"""Numbers on every kind of store: what is shared is the same in each process, whoever folds; labels stay few."""

from __future__ import annotations

from collections.abc import Sequence

from tests.flows.test_lag import TOWER, Ring, ring
from twofold import Config, OpenApp
from twofold.runtime.measures import Family, Histogram
from twofold.testing.clock import ManualClock

PACED = {"twofold_view_rate"}
"""What a process has to have seen for a while; each begins to look when it is first asked."""


def values(families: Sequence[Family]) -> dict[tuple[str, ...], float]:
    """Each sample by name and labels; of a histogram how many were observed."""
    return {
        (family.name, *labels): sum(value.counts) if isinstance(value, Histogram) else value
        for family in families
        for labels, value in family.samples
    }


async def shared(tower: OpenApp) -> dict[tuple[str, ...], float]:
    found = values(await tower.metrics.families(only_shared=True))
    return {key: value for key, value in found.items() if key[0] not in PACED}


async def test_every_process_shows_the_same_of_the_stores(lasting_url: str) -> None:
    clock = ManualClock()
    async with (
        TOWER.open(lasting_url, config=Config(), workers=False, clock=clock) as folding,
        TOWER.open(lasting_url, config=Config(), workers=False, clock=clock) as watching,
    ):
        await folding.step()
        await ring(folding, 3)
        await watching.submit(Ring(bell="small"))
        clock.advance(4)
        behind = [await shared(each) for each in (folding, watching)]

    assert behind[0] == behind[1]
    assert behind[0]["twofold_view_lag_events", "Rings"] == 3
    assert behind[0]["twofold_view_lag_seconds", "Rings"] == 4
    assert behind[0]["twofold_log_position",] == 3
    assert behind[0]["twofold_queued_commands",] == 1
    assert behind[0]["twofold_queued_command_age_seconds",] == 4
    assert behind[0]["twofold_processes",] == 1, "the other has not done anything yet"


async def test_a_parked_row_is_shown_and_what_failed_is_counted(url: str) -> None:
    async with TOWER.open(url, config=Config(), workers=False, clock=ManualClock()) as tower:
        await ring(tower, bell="cracked")
        await tower.run_until_idle()
        found = values(await tower.metrics.families())

    assert found["twofold_view_parked_keys", "Rings"] == 1
    assert found["twofold_view_failed_folds", "Rings"] >= 1
    assert found["twofold_view_state", "Rings", "live"] == 1, "the other rows go on"


async def test_nothing_that_comes_in_from_outside_makes_a_new_series(url: str) -> None:
    async with TOWER.open(url, config=Config(), workers=False, clock=ManualClock()) as tower:
        await tower.run_until_idle()
        await ring(tower, bell="first")
        before = set(values(await tower.metrics.families()))
        for number in range(20):
            await tower.send(Ring(bell=f"bell {number}"), key=f"key {number}")
        after = set(values(await tower.metrics.families()))

    assert {key for key in after - before if key[0] not in PACED} == set()


async def test_numbers_are_of_one_open_app_each(url: str) -> None:
    async with TOWER.open(url, config=Config(), workers=False) as first:
        await ring(first)
    async with TOWER.open("memory://", config=Config(), workers=False) as second:
        found = values(await second.metrics.families())

    assert found["twofold_commands", "Ring", "accepted", ""] == 0
