from itertools import count
from typing import Any

import msgspec
import pytest

from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.read.view import Gone, View
from twofold.testing.failures import ImpureFoldError, ScenarioFailedError, UnstorableError
from twofold.testing.scenario import scenario


class Opened(Event):
    title: str


class Visited(Event):
    day: str
    pages: tuple[str, ...]


class Closed(Event):
    pass


class Broken(Event):
    pass


class Visitor(msgspec.Struct, frozen=True):
    name: str


class Page(View, key="page_id"):
    page_id: str
    title: str = ""
    visitors: list[Visitor] = msgspec.field(default_factory=list)

    @evolves
    def opened(self, event: Opened) -> None:
        self.title = event.title
        self.visitors.append(Visitor(event.title))

    @evolves
    def closed(self, _: Closed) -> type[Gone]:
        return Gone


class Visits(View, key=("day", "page")):
    day: str
    page: str
    visits: int = 0

    @evolves(keys=lambda event: [(event.day, page) for page in event.pages])
    def visited(self, event: Visited) -> None:
        self.visits += 1


_numbers = count()


class Wrong(View, key="page_id"):
    page_id: str
    number: Any = None

    @evolves
    def opened(self, event: Opened) -> None:
        self.number = next(_numbers)

    @evolves
    def visited(self, event: Visited) -> None:
        self.number = {1, 2}

    @evolves
    def closed(self, _: Closed) -> None:
        self.page_id = "other"

    @evolves
    def broken(self, _: Broken) -> str:
        return "done"


def test_events_of_a_stream_make_its_row():
    pages = scenario(Page).given(Opened(title="One"), of="a").given(Opened(title="Two"), Opened(title="Three"), of="b")

    assert pages.row("a") == Page(page_id="a", title="One", visitors=[Visitor("One")])
    pages.then_row("b", title="Three").then_no_row("c")


def test_an_event_can_make_several_rows_with_composite_keys():
    visits = scenario(Visits).given(Visited(day="mon", pages=("a", "b", "a")), Visited(day="mon", pages=("a",)))

    assert visits.rows == {
        ("mon", "a"): Visits(day="mon", page="a", visits=2),
        ("mon", "b"): Visits(day="mon", page="b", visits=1),
    }


def test_a_row_that_is_gone_is_no_row():
    scenario(Page).given(Opened(title="One"), Closed(), of="a").then_no_row("a")


def test_another_row_fails_with_the_difference():
    with pytest.raises(ScenarioFailedError, match=r"- title='Two'"):
        scenario(Page).given(Opened(title="One"), of="a").then_row("a", title="Two")


def test_a_missing_row_names_those_that_are_there():
    with pytest.raises(ScenarioFailedError, match=r"it has \[\('a',\)\]"):
        scenario(Page).given(Opened(title="One"), of="a").then_row("b", title="Two")


def test_a_row_where_none_was_expected_fails():
    with pytest.raises(ScenarioFailedError, match="has a row 'a'"):
        scenario(Page).given(Opened(title="One"), of="a").then_no_row("a")


def test_an_event_that_the_view_does_not_fold_is_refused():
    with pytest.raises(ScenarioFailedError, match="does not fold Visited"):
        scenario(Page).given(Visited(day="mon", pages=()))


def test_a_fold_that_asks_the_world_is_caught():
    with pytest.raises(ImpureFoldError, match="two results"):
        scenario(Wrong).given(Opened(title="One"), of="a").then_no_row("b")


def test_a_row_that_does_not_survive_storage_is_caught():
    with pytest.raises(UnstorableError, match=r"Wrong\.number"):
        scenario(Wrong).given(Visited(day="mon", pages=()), of="a").then_no_row("b")


def test_a_fold_that_changes_the_key_is_caught():
    with pytest.raises(ScenarioFailedError, match="changed the key"):
        scenario(Wrong).given(Closed(), of="a").then_no_row("b")


def test_a_fold_that_returns_something_is_caught():
    with pytest.raises(ScenarioFailedError, match="returned 'done'"):
        scenario(Wrong).given(Broken(), of="a").then_no_row("b")
