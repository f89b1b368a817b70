"""The escape hatch: a projector's own work and its checkpoint stay together where the store can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.read.reading import Reading
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.messages.message import Event
from twofold.read.projector_runner import ProjectorRunner
from twofold.read.raw_projector import Projected, Projector, projector_faults


class Noted(Event):
    text: str


class Unread(Event):
    pass


class Collector(Projector):
    events = (Noted,)

    def __init__(self) -> None:
        self.seen: list[Projected] = []

    async def project(self, events: Sequence[Projected], client: Any) -> None:
        if any(each.event.text == "bad" for each in events):
            raise ValueError("bad text")
        self.seen += events


class Table(Projector):
    name = "notes_table"
    events = (Noted,)

    async def project(self, events: Sequence[Projected], client: Any) -> None:
        client.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)")
        for each in events:
            client.execute("INSERT INTO notes VALUES (?)", (each.event.text,))
            if each.event.text == "bad":
                raise ValueError("bad text")


def runner(reading: Reading, projector: Projector) -> ProjectorRunner:
    return ProjectorRunner(projector, reading.source, reading.events(projector.events), reading.store)


async def run(running: ProjectorRunner) -> None:
    while await running.step():
        pass


async def test_a_projector_gets_its_events_once_and_in_order(reading: Reading) -> None:
    collector = Collector()
    running = runner(reading, collector)
    await reading.append("Note-1", Noted(text="a"), Unread(), Noted(text="b"))
    await run(running)
    await reading.append("Note-1", Noted(text="c"))
    await run(running)

    assert [(each.event.text, each.stream, each.version, each.position) for each in collector.seen] == [
        ("a", "Note-1", 1, 1),
        ("b", "Note-1", 3, 3),
        ("c", "Note-1", 4, 4),
    ]
    assert running.name == "Collector"


async def test_a_checkpoint_goes_on_where_the_last_run_ended(reading: Reading) -> None:
    await reading.append("Note-1", Noted(text="a"))
    await run(runner(reading, Collector()))
    await reading.append("Note-1", Noted(text="b"))
    again = Collector()

    await run(runner(reading, again))

    assert [each.event.text for each in again.seen] == ["b"]


async def test_an_event_that_fails_stops_the_projector_with_those_before_it_done(reading: Reading) -> None:
    collector = Collector()
    running = runner(reading, collector)
    await reading.append("Note-1", *[Noted(text=text) for text in ("a", "b", "bad", "c")])

    await run(running)

    assert [each.event.text for each in collector.seen] == ["a", "b"]
    assert (running.status().state, running.status().failed_at) == ("stopped", 3)


async def test_bytes_that_cannot_be_decoded_stop_the_projector(reading: Reading) -> None:
    collector = Collector()
    running = runner(reading, collector)
    await reading.append("Note-1", Noted(text="a"))
    await reading.append("Note-1", Unread(), as_type="Noted")

    await run(running)

    assert [each.event.text for each in collector.seen] == ["a"]
    assert running.status().failed_at == 2


async def test_work_on_the_stores_own_client_commits_with_the_checkpoint(reading: Reading, tmp_path: Path) -> None:
    store = reading.store = await SqliteViewStore.open(str(tmp_path / "views.db"))
    running = runner(reading, Table())
    await reading.append("Note-1", *[Noted(text=text) for text in ("a", "b", "bad", "c")])

    await run(running)

    async with store._file.transaction() as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("a",), ("b",)]
    assert (running.status().state, running.status().position) == ("stopped", 2)
    await store.close()


def test_planted_mistakes_in_a_projector_are_found() -> None:
    class Idle(Projector):
        pass

    assert projector_faults(Collector()) == []
    assert projector_faults(Idle()) == [
        "projector Idle names no events it reads (events = [...])",
        "projector Idle has no `async def project(self, events, client)`",
    ]


async def test_a_projector_that_is_not_written_raises(reading: Reading) -> None:
    with pytest.raises(NotImplementedError):
        await Projector().project([], None)
