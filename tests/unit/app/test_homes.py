"""In which streams an app's events can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from twofold import Aggregate, App, Command, Event, Streams, UnitOfWork, decides, evolves, handles
from twofold.app.homes import homes_of
from twofold.read.past import Home


class Start(Command):
    run_id: UUID


class Stop(Command):
    run_id: UUID


class Merge(Command):
    run_id: str


class Book(Command):
    name: str


class Started(Event):
    pass


class Booked(Event):
    pass


class Run(Aggregate, key="run_id"):
    @decides(new=True)
    def start(self, command: Start) -> Started:
        return Started()

    @decides
    def stop(self, command: Stop) -> None: ...

    @evolves
    def started(self, event: Started) -> None: ...


class Room(Aggregate, key="name"):
    @decides(existing=False)
    def book(self, command: Book) -> Booked:
        return Booked()


def home_of_started(**parts: Any) -> Home | None:
    return homes_of(App("runs", aggregates=[Run, Room], **parts).catalog).get(Started)


def test_an_event_is_at_home_with_the_aggregate_that_declares_it() -> None:
    assert home_of_started() == Home(("Run",), UUID)


def test_a_handler_of_several_streams_may_write_it_to_every_aggregate() -> None:
    @handles
    async def merge(command: Merge, streams: Streams) -> None: ...

    assert home_of_started(handlers=[merge]) == Home(("Run", "Room"), UUID)


def test_what_a_unit_of_work_declares_may_be_anywhere() -> None:
    @handles(Started)
    async def merge(command: Merge, work: UnitOfWork) -> None: ...

    assert home_of_started(handlers=[merge]) is None


def test_a_unit_of_work_that_declares_other_events_leaves_it_at_home() -> None:
    @handles(Booked)
    async def merge(command: Merge, work: UnitOfWork) -> None: ...

    assert home_of_started(handlers=[merge]) == Home(("Run",), UUID)


def test_a_unit_of_work_that_declares_nothing_may_publish_everything_anywhere() -> None:
    @handles
    async def merge(command: Merge, work: UnitOfWork) -> None: ...

    assert home_of_started(handlers=[merge]) is None


@dataclass
class Rerun:
    run_id: UUID


class Retitle(Command):
    run_id: str


class Again(Run, key="run_id", name="Run"):
    @decides
    def rerun(self, command: Rerun) -> None: ...


class Loosely(Run, key="run_id", name="Run"):
    @decides
    def retitle(self, command: Retitle) -> None: ...


@pytest.mark.parametrize(("aggregate", "id_type"), [(Run, UUID), (Again, UUID), (Loosely, None)])
def test_ids_are_of_a_type_only_if_every_command_says_so(aggregate: type[Run], id_type: type | None) -> None:
    assert homes_of(App("runs", aggregates=[aggregate]).catalog)[Started].id_type is id_type
