"""A small view, for tests of what is SQLite's own about view stores."""

from __future__ import annotations

from typing import Any

import apsw

from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.event_store.recorded_event import NO_CHECK, Mark
from twofold.read.view_store import Checkpoint, Column, Kind, RowChange, ViewTable

START = Mark("epoch", 0, NO_CHECK)
PAGE = ViewTable(
    "Page",
    (Column("id", Kind.TEXT, optional=False, type=str), Column("total", Kind.INTEGER, optional=True, type=int)),
    ("id",),
    (("total",),),
    "fingerprint-1",
)


def at(position: int, fence: int = 0) -> Checkpoint:
    return Checkpoint(Mark("epoch", position, position.to_bytes(8, "big")), fence)


def page(number: int, total: Any = 1) -> RowChange:
    key = f"page {number:06}"
    return RowChange((key,), {"id": key, "total": total}, 1)


async def filled(store: SqliteViewStore, rows: int) -> Any:
    generation = await store.open_generation(PAGE, "epoch")
    await store.save(generation, 0, [page(number, number) for number in range(rows)], START, at(1))
    return generation


def ask(path: str, sql: str) -> list[Any]:
    connection = apsw.Connection(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
