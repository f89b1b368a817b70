from decimal import Decimal
from typing import Any

import pytest
from msgspec import field

from twofold.errors import Rejected
from twofold.messages.folding import evolves
from twofold.messages.message import Command, Event
from twofold.testing.failures import ScenarioFailedError, StateChangedError, UnstorableError
from twofold.testing.scenario import scenario
from twofold.write.aggregate import Aggregate, decides


class Fill(Command):
    jar_id: str
    litres: Decimal


class Label(Command):
    jar_id: str
    text: Any


class Touch(Command):
    jar_id: str


class Filled(Event):
    litres: Decimal


class Labelled(Event):
    text: Any


class Jar(Aggregate, key="jar_id"):
    litres: Decimal = Decimal(0)
    labels: list[Any] = field(default_factory=list)

    @decides(existing=False)
    def fill(self, command: Fill) -> Filled | None:
        if command.litres > 10:
            raise Rejected("too-full", "A jar holds ten litres", room=str(10 - self.litres))
        return Filled(litres=command.litres) if command.litres else None

    @decides
    def label(self, command: Label) -> list[Labelled]:
        return [Labelled(text=command.text), Labelled(text="seen")]

    @decides(new=True)
    def touch(self, command: Touch) -> None:
        self.labels.append("touched")

    @evolves
    def filled(self, event: Filled) -> None:
        self.litres += event.litres

    @evolves
    def labelled(self, event: Labelled) -> None:
        self.labels.append(event.text)


FILL = Fill(jar_id="a", litres=Decimal(3))


def test_events_that_came_as_expected_go_on_to_the_next_command():
    after = scenario(Jar).when(FILL).then(Filled(litres=Decimal(3)))

    after = after.when(Label(jar_id="a", text="jam")).then(Labelled(text="jam"), Labelled(text="seen"))

    assert after.state == Jar(litres=Decimal(3), labels=["jam", "seen"])


def test_other_events_fail_with_the_difference():
    with pytest.raises(ScenarioFailedError) as failed:
        scenario(Jar).when(FILL).then(Filled(litres=Decimal(4)))

    assert "Fill gave other events" in str(failed.value)
    assert "-     litres=Decimal('4')," in str(failed.value)
    assert "+     litres=Decimal('3')," in str(failed.value)


def test_missing_events_fail():
    with pytest.raises(ScenarioFailedError, match="nothing"):
        scenario(Jar).when(Fill(jar_id="a", litres=Decimal(0))).then(Filled(litres=Decimal(0)))


def test_a_command_without_events_gives_nothing():
    scenario(Jar).when(Fill(jar_id="a", litres=Decimal(0))).then_nothing()


def test_events_where_nothing_was_expected_fail():
    with pytest.raises(ScenarioFailedError, match="Filled"):
        scenario(Jar).when(FILL).then_nothing()


def test_a_refusal_is_told_by_its_code_message_and_details():
    refused = scenario(Jar).when(Fill(jar_id="a", litres=Decimal(11)))

    refused.then_rejected("too-full")
    refused.then_rejected("too-full", "A jar holds ten litres", room="10")


@pytest.mark.parametrize(
    ("code", "message", "details"),
    [("too-empty", None, {}), ("too-full", "Other words", {}), ("too-full", None, {"room": "9"})],
)
def test_another_refusal_fails(code: str, message: str | None, details: dict[str, str]):
    refused = scenario(Jar).when(Fill(jar_id="a", litres=Decimal(11)))

    with pytest.raises(ScenarioFailedError, match="rejected otherwise"):
        refused.then_rejected(code, message, **details)


def test_an_acceptance_where_a_refusal_was_expected_fails():
    with pytest.raises(ScenarioFailedError, match="was accepted"):
        scenario(Jar).when(FILL).then_rejected("too-full")


def test_a_refusal_where_events_were_expected_fails():
    with pytest.raises(ScenarioFailedError, match="too-full"):
        scenario(Jar).when(Fill(jar_id="a", litres=Decimal(11))).then(Filled(litres=Decimal(11)))


def test_a_stream_must_exist_unless_the_decision_says_otherwise():
    scenario(Jar).when(Label(jar_id="a", text="jam")).then_rejected("not-found")


def test_a_new_stream_must_not_exist():
    scenario(Jar).given(Filled(litres=Decimal(1))).when(Touch(jar_id="a")).then_rejected("already-exists")


def test_a_decision_that_changes_the_aggregate_is_caught_by_name():
    with pytest.raises(StateChangedError, match=r"Jar\.touch changed the aggregate"):
        scenario(Jar).when(Touch(jar_id="a"))


def test_a_command_that_does_not_survive_storage_is_caught():
    with pytest.raises(UnstorableError, match="litres"):
        scenario(Jar).when(Fill(jar_id="a", litres=Decimal("NaN")))


def test_an_event_that_comes_back_different_is_caught():
    with pytest.raises(UnstorableError, match="Labelled"):
        scenario(Jar).given(Labelled(text=b"jam"))


def test_an_unknown_command_names_those_that_are_known():
    with pytest.raises(ScenarioFailedError, match="it decides on Fill, Label, Touch"):
        scenario(Jar).when(Filled(litres=Decimal(1)))


def test_an_event_of_somebody_else_is_refused():
    with pytest.raises(ScenarioFailedError, match="no event of Jar"):
        scenario(Jar).given(FILL)


def test_one_beginning_serves_several_tests():
    filled = scenario(Jar).given(Filled(litres=Decimal(1)))

    filled.when(FILL).then(Filled(litres=Decimal(3)))

    assert filled.state.litres == 1


def test_a_thing_that_is_no_subject_is_refused():
    with pytest.raises(TypeError, match="no aggregate, no view"):
        scenario(42)  # type: ignore[call-overload]
