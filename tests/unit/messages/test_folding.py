"""`@evolves` marks folds, found by the annotation of their event."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from twofold.messages.folding import annotated_parameter, evolves, folds_of
from twofold.messages.message import Event


class Opened(Event):
    pass


class Closed(Event):
    pass


class Account(msgspec.Struct):
    changes: int = 0

    @evolves
    def opened(self, event: Opened) -> None:
        self.changes += 1

    def not_a_fold(self, event: Opened) -> None:
        pass


class Special(Account):
    @evolves
    def closed_or_opened(self, event: Closed | Opened) -> None:
        self.changes += 1

    @evolves(key=lambda event: 1)
    def opened(self, event: Opened) -> None:
        self.changes += 10


def test_folds_are_found_by_the_annotation_of_their_event() -> None:
    assert [(fold.event, fold.function.__name__) for fold in folds_of(Account)] == [(Opened, "opened")]


def test_a_fold_of_a_union_is_a_fold_of_each_member() -> None:
    folds = [(fold.event, fold.function.__name__) for fold in folds_of(Special)]

    assert folds == [(Opened, "opened"), (Closed, "closed_or_opened"), (Opened, "closed_or_opened")]


def test_an_override_takes_the_place_of_the_inherited_fold() -> None:
    fold = next(folds_of(Special))

    assert fold.function is Special.opened
    assert fold.grouping.key is not None


class TwoParameters(msgspec.Struct):
    @evolves
    def fold(self, event: Opened, more: int) -> None: ...


class NoAnnotation(msgspec.Struct):
    @evolves
    def fold(self, event) -> None: ...


class OnlyKeyword(msgspec.Struct):
    @evolves
    def fold(self, *, event: Opened) -> None: ...


class NoClass(msgspec.Struct):
    @evolves
    def fold(self, event: Any) -> None: ...


class Maybe(msgspec.Struct):
    @evolves
    def fold(self, event: Opened | None) -> None: ...


class Unknown(msgspec.Struct):
    @evolves
    def fold(self, event: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


class Asynchronous(msgspec.Struct):
    @evolves
    async def fold(self, event: Opened) -> None: ...


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (TwoParameters, "must take one annotated parameter after self"),
        (NoAnnotation, "must take one annotated parameter after self"),
        (OnlyKeyword, "must take one annotated parameter after self"),
        (NoClass, "event must be annotated with a class"),
        (Maybe, "event must be annotated with a class"),
        (Unknown, "name 'Nowhere' is not defined"),
        (Asynchronous, "must not be async"),
    ],
)
def test_a_fold_that_cannot_be_called_is_named(cls: type, why: str) -> None:
    with pytest.raises(TypeError, match=rf"{cls.__name__}\.fold.*{why}"):
        list(folds_of(cls))


def test_one_type_is_asked_for_where_a_union_makes_no_sense() -> None:
    with pytest.raises(TypeError, match="must take one type, not 2"):
        annotated_parameter(Special.closed_or_opened, Special, "closed_or_opened")
