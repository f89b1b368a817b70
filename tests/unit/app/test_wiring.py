"""Everything that is wrong with an app is found when it is put together, and said at once."""

from __future__ import annotations

import types
from typing import Any

import pytest

from twofold import (
    Aggregate,
    App,
    Command,
    Event,
    Module,
    Query,
    Rows,
    Streams,
    UnitOfWork,
    View,
    WiringError,
    answers,
    decides,
    evolves,
    handles,
    upcasts,
)


class Sow(Command):
    bed: str


class Weed(Command):
    bed: str


class Sown(Event):
    bed: str


class Weeded(Event):
    bed: str


class Beds(Query[list["Bed"]]):
    pass


class Unasked(Query[int]):
    pass


class Garden(Aggregate, key="bed"):
    @decides(new=True)
    def sow(self, command: Sow) -> Sown:
        return Sown(bed=command.bed)


class Bed(View, key="bed"):
    bed: str

    @evolves
    def sown(self, event: Sown) -> None: ...


@answers
async def beds(query: Beds, rows: Rows[Bed]) -> list[Bed]:
    return await rows.find()


@handles(Weeded)
async def weed(command: Weed, work: UnitOfWork) -> None:
    work.publish("Garden", command.bed, Weeded(bed=command.bed))


def faults(**parts: Any) -> tuple[str, ...]:
    with pytest.raises(WiringError) as caught:
        App("garden", **parts)
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    assert f"{len(caught.value.faults)} wiring fault" in str(caught.value)
    return caught.value.faults


def only_fault(**parts: Any) -> str:
    found = faults(**parts)
    assert len(found) == 1, found
    return found[0]


def test_an_app_knows_its_parts_by_name() -> None:
    app = App("garden", aggregates=[Garden], views=[Bed], handlers=[weed], queries=[beds])

    assert set(app.catalog.commands) == {"Sow", "Weed"}
    assert set(app.catalog.events) == {"Sown", "Weeded"}
    assert set(app.catalog.queries) == {"Beds"}
    assert set(app.catalog.views) == {"Bed"}
    assert set(app.catalog.aggregates) == {"Garden"}
    assert (app.name, app.title, app.version) == ("garden", "garden", "0")


def test_an_app_of_nothing_is_an_app() -> None:
    assert App("empty").catalog.commands == {}


def test_modules_bring_their_parts_each_once() -> None:
    writing = Module(aggregates=[Garden], handlers=[weed])
    reading = Module(views=[Bed], queries=[beds])

    app = App("garden", modules=[writing, reading, writing], aggregates=[Garden], views=[Bed])

    assert set(app.catalog.commands) == {"Sow", "Weed"}
    assert set(app.catalog.views) == {"Bed"}
    assert len(app.catalog.answers) == 1


def test_every_fault_of_every_module_is_reported_together() -> None:
    class Keyless(Aggregate):
        pass

    class Nameless(View):
        bed: str

    found = faults(
        modules=[Module(aggregates=[Keyless]), Module(views=[Nameless])],
        commands=[Weed],
        queries=[Unasked],
        handlers=[lambda command, work: None],
    )

    for words in (
        "Keyless has no key",
        "Nameless",
        "Weed is handled by nobody",
        "Unasked",
        "not decorated with @handles",
    ):
        assert any(words in fault for fault in found), (words, found)


def test_a_command_that_nobody_handles_is_a_fault() -> None:
    assert only_fault(commands=[Sow]) == "Sow is handled by nobody: add a @decides or @handles for it"
    App("garden", aggregates=[Garden], commands=[Sow])


def test_a_command_that_two_handle_is_a_fault() -> None:
    @handles
    async def sow_too(command: Sow, streams: Streams) -> None: ...

    assert "Sow is handled twice" in only_fault(aggregates=[Garden], handlers=[sow_too])

    class Twice(Aggregate, key="bed"):
        @decides
        def one(self, command: Sow) -> None: ...

        @decides
        def two(self, command: Sow) -> None: ...

    assert "a second time by Twice.two" in only_fault(aggregates=[Twice])


def test_two_types_with_one_name_are_a_fault() -> None:
    class Renamed(Event, name="Sown"):
        bed: str

    fault = only_fault(aggregates=[Garden], events=[Renamed])

    assert "two types are called 'Sown'" in fault
    assert "Renamed" in fault


def test_a_command_may_not_have_an_events_name() -> None:
    class SownCommand(Command, name="Sown"):
        bed: str

    @handles
    async def handle(command: SownCommand, streams: Streams) -> None: ...

    handle.__annotations__ = {"command": SownCommand, "streams": Streams, "return": None}

    assert "two types are called 'Sown'" in only_fault(aggregates=[Garden], handlers=[handle])


def test_two_aggregates_or_views_with_one_name_are_a_fault() -> None:
    class Other(Aggregate, key="bed", name="Garden"):
        @evolves
        def sown(self, event: Sown) -> None: ...

    class OtherBed(View, key="bed", name="Bed"):
        bed: str

        @evolves
        def sown(self, event: Sown) -> None: ...

    assert "two aggregates are called 'Garden'" in faults(aggregates=[Garden, Other])
    assert "two views are called 'Bed'" in faults(aggregates=[Garden], views=[Bed, OtherBed])


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 201])
def test_a_name_that_is_none_is_a_fault(name: str) -> None:
    odd: Any = types.new_class("Odd", (Event,), {"name": name})

    if name:
        assert "is no name" in only_fault(events=[odd])
    else:
        assert set(App("garden", events=[odd]).catalog.events) == {"Odd"}


def test_an_event_whose_fields_cannot_be_known_is_a_fault() -> None:
    class Odd(Event):
        what: NoSuchType  # type: ignore[name-defined]  # noqa: F821

    assert "Odd cannot be a message" in only_fault(events=[Odd])


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({"command": Sow}, "second parameter must be annotated UnitOfWork or Streams"),
        ({"command": Sow, "work": int}, "second parameter must be annotated UnitOfWork or Streams"),
        ({"work": Streams}, "must be `async def"),
    ],
)
def test_a_handler_of_another_shape_is_a_fault(annotations: dict[str, Any], words: str) -> None:
    async def handle(command, work): ...

    handle.__annotations__ = annotations

    assert words in only_fault(handlers=[handles(handle)])


def test_a_handler_must_be_async() -> None:
    def handle(command: Sow, work: Streams) -> None: ...

    assert "must be `async def" in only_fault(handlers=[handles(handle)])  # type: ignore[type-var]


def test_an_upcaster_must_say_what_it_upcasts() -> None:
    assert "is not decorated with @upcasts" in only_fault(upcasters=[lambda document: document])


def test_an_upcaster_that_leads_nowhere_is_a_fault() -> None:
    @upcasts("Gone", 1)
    def upcast(document: dict[str, Any]) -> dict[str, Any]:
        return document

    assert "Gone" in only_fault(aggregates=[Garden], upcasters=[upcast])


def test_a_query_that_nobody_answers_is_a_fault() -> None:
    assert "Unasked" in only_fault(queries=[Unasked])


def test_an_answer_from_rows_of_no_view_is_a_fault() -> None:
    assert "Bed" in only_fault(queries=[beds])
