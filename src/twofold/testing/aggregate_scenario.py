"""Given events, when a command, then events, a refusal, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from twofold.errors import AlreadyExistsError, Rejected, StreamNotFoundError
from twofold.event_store.stream import stream_name
from twofold.testing.failures import ScenarioFailedError, StateChangedError, difference
from twofold.testing.storage import restored, stored
from twofold.write.aggregate import Aggregate, AggregateDefinition, Decision, define_aggregate

A = TypeVar("A", bound=Aggregate)


class AggregateScenario(Generic[A]):
    """An aggregate with a history. Every step gives a new scenario, so one may be the start of several tests."""

    def __init__(self, cls: type[A], history: Sequence[Any] = ()) -> None:
        self._cls = cls
        self._history = tuple(history)
        self._definition, faults = define_aggregate(cls)
        if faults:
            raise ScenarioFailedError("\n".join(faults))

    @property
    def state(self) -> A:
        """The aggregate as its history has made it: a fresh copy, also checked to survive a snapshot."""
        state = self._cls()
        for event in self._history:
            fold = self._definition.folds.get(type(event))
            if fold is not None:
                fold(state, event)
        return restored(state, f"the state {state!r}")

    def given(self, *events: Any) -> AggregateScenario[A]:
        """Add *events* to the history, as they come back from storage.

        Raises ScenarioFailedError for an event that is not this aggregate's, UnstorableError.
        """
        return AggregateScenario(self._cls, (*self._history, *self._checked(events)))

    def when(self, command: Any) -> Decided[A]:
        """Decide on *command*, as it comes back from storage.

        Raises ScenarioFailedError when the aggregate does not decide on it or returns something else than its events,
        StateChangedError when the decision changed the aggregate, UnstorableError; whatever the decision raises
        beside Rejected goes through.
        """
        decision = self._decision_on(command)
        try:
            return Decided(self, command, events=self._decide(decision, stored(command, "command")))
        except Rejected as rejection:
            return Decided(self, command, rejection=rejection)

    def _decision_on(self, command: Any) -> Decision:
        for decision in self._definition.decisions:
            if decision.command is type(command):
                return decision
        known = ", ".join(sorted(decision.command.__name__ for decision in self._definition.decisions))
        name = type(command).__name__
        raise ScenarioFailedError(f"{self._cls.__name__} does not decide on {name}; it decides on {known}")

    def _decide(self, decision: Decision, command: Any) -> tuple[Any, ...]:
        self._check_existence(decision, command)
        state, before = self.state, self.state
        try:
            produced = decision.function(state, command)
            return self._checked(_several(produced, self._definition))
        finally:
            if state != before:
                name = f"{self._cls.__name__}.{decision.function.__name__}"
                raise StateChangedError(
                    f"{name} changed the aggregate; it decides, and a fold changes:\n{difference(before, state)}"
                )

    def _check_existence(self, decision: Decision, command: Any) -> None:
        definition, existence = self._definition, decision.existence
        stream = stream_name(definition.category, definition.stream_id(command))
        if existence.new and self._history:
            raise AlreadyExistsError(stream)
        if existence.existing and not self._history:
            raise StreamNotFoundError(stream)

    def _checked(self, events: Iterable[Any]) -> tuple[Any, ...]:
        events = tuple(events)
        for event in events:
            if type(event) not in self._definition.events:
                raise _not_its_event(event, self._definition)
        return tuple(stored(event, "event") for event in events)


class Decided(Generic[A]):
    """What came of a command: `events`, or a `rejection`. Every check gives the scenario after it, to go on from."""

    def __init__(
        self,
        scenario: AggregateScenario[A],
        command: Any,
        *,
        events: tuple[Any, ...] = (),
        rejection: Rejected | None = None,
    ) -> None:
        self._scenario = scenario
        self._command = command
        self.events = events
        self.rejection = rejection

    def then(self, *events: Any) -> AggregateScenario[A]:
        """Expect exactly these events, in this order. Raises ScenarioFailedError with the difference."""
        if self.rejection is not None:
            raise ScenarioFailedError(f"{self._words} was rejected ({self._code}), not accepted with:\n{events!r}")
        if self.events != events:
            raise ScenarioFailedError(f"{self._words} gave other events:\n{difference(events, self.events)}")
        return self._scenario.given(*self.events)

    def then_nothing(self) -> AggregateScenario[A]:
        """Expect that the command was accepted and nothing happened. Raises ScenarioFailedError."""
        return self.then()

    def then_rejected(self, code: str, message: str | None = None, **details: Any) -> AggregateScenario[A]:
        """Expect a refusal with *code*; with this *message* and these *details* where they are given.

        Raises ScenarioFailedError.
        """
        if self.rejection is None:
            came = difference((), self.events)
            raise ScenarioFailedError(f"{self._words} was accepted, not rejected ({code}):\n{came}")
        expected = (code, message or self.rejection.message, {**self.rejection.details, **details})
        actual = (self.rejection.code, self.rejection.message, dict(self.rejection.details))
        if expected != actual:
            raise ScenarioFailedError(f"{self._words} was rejected otherwise:\n{difference(expected, actual)}")
        return self._scenario

    @property
    def _words(self) -> str:
        return type(self._command).__name__

    @property
    def _code(self) -> str:
        return f"{self.rejection.code}: {self.rejection.message}" if self.rejection else "not rejected"


def _several(produced: Any, definition: AggregateDefinition) -> tuple[Any, ...]:
    """What a decision returned, as events."""
    if produced is None:
        return ()
    if type(produced) in definition.events:
        return (produced,)
    if isinstance(produced, str | bytes) or not isinstance(produced, Iterable):
        raise _not_its_event(produced, definition)
    return tuple(produced)


def _not_its_event(value: Any, definition: AggregateDefinition) -> ScenarioFailedError:
    known = ", ".join(sorted(event.__name__ for event in definition.events))
    return ScenarioFailedError(
        f"{value!r} is no event of {definition.cls.__name__}; those it folds or names as a result are {known}"
    )
