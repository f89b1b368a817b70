"""Where a view's rows are, as the store that has them says."""

from __future__ import annotations

from typing import NamedTuple

from twofold.errors import LeaseLostError
from twofold.event_store.recorded_event import Mark
from twofold.read.generations import Generations, Kept, Status
from twofold.read.view_store import Generation, ParkingLot, ViewStore, ViewTable


class Standing(NamedTuple):
    """The live generation, the mark of each of its shards, how many of its keys are parked, and whether the view is
    paused, or has another generation being built.
    """

    generation: Generation
    marks: tuple[Mark, ...]
    parked_keys: int
    is_paused: bool = False
    is_rebuilding: bool = False


async def standing(store: ViewStore, table: ViewTable, epoch: str) -> Standing | None:
    """Where the view is, whoever runs it; None when it has no live generation yet."""
    if not isinstance(store, Generations):
        generation = await store.open_generation(table, epoch)
        return Standing(generation, await _marks(store, generation), 0)
    kept = await store.generations(table.view)
    live = next((each for each in kept if each.generation.status == Status.LIVE), None)
    if live is None:
        return None
    return Standing(
        live.generation,
        await _marks_of_live(store, live),
        await parked_keys(store, live.generation),
        table.view in await store.paused(),
        any(each.generation.status == Status.BUILDING for each in kept),
    )


async def parked_keys(store: ViewStore, generation: Generation) -> int:
    """How many rows are parked; 0 in a store that parks none."""
    return len(await store.parked_keys(generation)) if isinstance(store, ParkingLot) else 0


async def _marks_of_live(store: ViewStore, live: Kept) -> tuple[Mark, ...]:
    if live.generation.shards == 1:
        return (live.lowest,)
    try:
        return await _marks(store, live.generation)
    except LeaseLostError:  # dropped since it was listed
        return (live.lowest,)


async def _marks(store: ViewStore, generation: Generation) -> tuple[Mark, ...]:
    return tuple([(await store.checkpoint(generation, shard)).mark for shard in range(generation.shards)])
