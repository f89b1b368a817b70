"""Reads by key share a snapshot for one turn of the loop, and nobody can tell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.adapters.pages import PAGE, at, filled, page
from twofold.adapters.sqlite import view_points
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.errors import OtherRowsError
from twofold.read.view_store import Column, Kind, Search

KEY = ("page 000000",)


async def total(store: SqliteViewStore) -> tuple[Any, int]:
    found = await store.get(PAGE, KEY)
    return found.rows[0].values["total"], found.mark.position


def holds(store: SqliteViewStore) -> bool:
    return store._file.reader.in_transaction


async def test_one_read_in_a_turn_holds_nothing(store: SqliteViewStore):
    await filled(store, 1)
    await asyncio.sleep(0)

    await total(store)

    assert not holds(store)


async def test_further_reads_in_a_turn_hold_a_snapshot_until_its_end(store: SqliteViewStore):
    await filled(store, 1)

    seen = [await total(store) for _ in range(3)]
    held = holds(store)
    await asyncio.sleep(0)

    assert (seen, held, holds(store)) == ([(0, 1)] * 3, True, False)


async def test_a_row_that_is_not_there_is_found_missing_either_way(store: SqliteViewStore):
    await filled(store, 1)

    found = [await store.get(PAGE, ("missing",)) for _ in range(3)]

    assert [(each.rows, each.mark.position, each.generation) for each in found] == [([], 1, 1)] * 3


async def test_ones_own_write_is_seen_in_the_same_turn(store: SqliteViewStore):
    generation = await filled(store, 1)
    before = [await total(store) for _ in range(3)][-1]

    await store.save(generation, 0, [page(0, 7)], at(1).mark, at(2))

    assert (before, await total(store), await total(store)) == ((0, 1), (7, 2), (7, 2))


async def test_the_write_of_another_process_is_seen_in_the_next_turn(store: SqliteViewStore, path: str):
    generation = await filled(store, 1)
    other = await SqliteViewStore.open(path)
    await other.open_generation(PAGE, "epoch")
    for _ in range(3):
        await total(store)

    await other.save(generation, 0, [page(0, 7)], at(1).mark, at(2))
    await asyncio.sleep(0)

    assert await total(store) == (7, 2)
    await other.close()


async def test_no_read_sees_less_than_a_search_or_checkpoint_before_it(store: SqliteViewStore, path: str):
    generation = await filled(store, 1)
    other = await SqliteViewStore.open(path)
    await other.open_generation(PAGE, "epoch")
    for position in range(2, 12):
        for _ in range(3):
            await total(store)
        await other.save(generation, 0, [page(0, position)], at(position - 1).mark, at(position))
        if position % 2:
            newest = (await store.find(PAGE, Search())).mark.position
        else:
            newest = (await store.checkpoint(generation, 0)).mark.position

        assert newest == position
        assert await total(store) == (position, position)
    await other.close()


async def test_a_long_turn_does_not_read_the_past_for_ever(
    store: SqliteViewStore, path: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(view_points, "READS_A_SNAPSHOT", 10)
    generation = await filled(store, 1)
    other = await SqliteViewStore.open(path)
    await other.open_generation(PAGE, "epoch")
    for _ in range(3):
        await total(store)
    await other.save(generation, 0, [page(0, 7)], at(1).mark, at(2))

    seen = [await total(store) for _ in range(12)]

    assert seen[-1] == (7, 2)
    assert seen == sorted(seen)
    await other.close()


async def test_other_columns_are_refused_within_a_snapshot_too(store: SqliteViewStore):
    await filled(store, 1)
    wider = PAGE._replace(columns=(*PAGE.columns, Column("colour", Kind.TEXT, optional=True, type=str)))
    for _ in range(3):
        await total(store)

    with pytest.raises(OtherRowsError, match="without colour"):
        await store.get(wider, KEY)
    assert await total(store) == (0, 1)


async def test_closing_within_a_turn_lets_go(path: str):
    store = await SqliteViewStore.open(path)
    await filled(store, 1)
    for _ in range(3):
        await total(store)

    await store.close()
    await asyncio.sleep(0)
