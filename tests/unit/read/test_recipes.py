"""What a generation was built with, and in words what has changed since."""

from __future__ import annotations

from typing import Any

from twofold import Event, View, evolves
from twofold.read.code_mark import differences, recipe_of
from twofold.read.define_view import define_view


class Paid(Event):
    account: str
    amount: int


def fee(amount: int) -> int:
    return amount // 10


class Total(View, key="account", name="Total"):
    account: str
    paid: int = 0

    @evolves
    def add(self, event: Paid) -> None:
        self.paid += event.amount


class TotalWithFees(View, key="account", name="Total"):
    account: str
    paid: int = 0
    fees: int | None = None

    @evolves
    def add(self, event: Paid) -> None:
        self.paid += event.amount + fee(event.amount)


class TotalSaid(View, key="account", name="Total", version=3):
    account: str
    paid: int = 0

    @evolves
    def add(self, event: Paid) -> None:
        self.paid += event.amount


def recipe(cls: type[View]) -> dict[str, str]:
    return dict(define_view(cls).table.recipe)


def test_a_recipe_equals_itself() -> None:
    assert differences(recipe(Total), recipe(Total)) == []


def test_a_new_field_and_changed_code_are_named() -> None:
    said = differences(recipe(Total), recipe(TotalWithFees))

    assert "field fees is new" in said
    assert any("fee is new" in one for one in said)


def test_a_field_of_another_kind_says_which() -> None:
    before: dict[str, Any] = {**recipe(Total), "field paid": "text"}

    assert differences(before, recipe(Total)) == ["field paid was text, now integer"]


def test_a_declared_version_stands_for_the_code() -> None:
    assert recipe(TotalSaid)["version"] == "3"
    assert not any(name.startswith("code") for name in recipe(TotalSaid))


def test_a_generation_without_a_recipe_says_so() -> None:
    assert differences({}, recipe(Total)) == ["it was built before recipes were kept"]


def test_upcasters_are_part_of_the_recipe() -> None:
    view = define_view(Total)
    with_upcaster = dict(recipe_of(Total, view.table.columns, view.table.key, [fee]))

    assert any("fee is new" in one for one in differences(recipe(Total), with_upcaster))
