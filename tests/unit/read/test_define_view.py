"""A view is read once, and everything that is wrong with it is said together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import msgspec
import pytest

from twofold.errors import InvalidMessageError
from twofold.messages.folding import evolves
from twofold.messages.message import Event
from twofold.messages.upcasting import upcasters_of, upcasts
from twofold.read.define_view import define_view
from twofold.read.view import View
from twofold.read.view_store import Kind


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Line(msgspec.Struct):
    product: str


@dataclass
class Price:
    amount: Decimal


class Opened(Event):
    owner: str


class Renamed(Event):
    owner: str
    account_id: str


class Opaque:
    pass


Metres = NewType("Metres", int)


class Everything(View, key="id", index=("text", ("number", "-")[0:1])):
    id: str
    text: str | None = None
    number: int = 0
    real: float = 0.0
    truth: bool = False
    money: Decimal = Decimal(0)
    at: datetime | None = None
    uuid: UUID | None = None
    raw: bytes = b""
    colour: Colour = Colour.RED
    size: Literal["s", "m"] = "s"
    length: Metres = Metres(0)
    limited: Annotated[int, msgspec.Meta(ge=0)] = 0
    lines: list[Line] = msgspec.field(default_factory=list)
    price: Price | None = None
    anything: Any = None
    mixed: int | str = 0

    @evolves(key=lambda event: event.owner)
    def opened(self, event: Opened) -> None: ...


def test_columns_follow_the_fields() -> None:
    definition = define_view(Everything)

    kinds = {column.name: (column.kind, column.optional) for column in definition.table.columns}
    assert definition.faults == ()
    assert kinds == {
        "id": (Kind.TEXT, False),
        "text": (Kind.TEXT, True),
        "number": (Kind.INTEGER, False),
        "real": (Kind.REAL, False),
        "truth": (Kind.BOOLEAN, False),
        "money": (Kind.DECIMAL, False),
        "at": (Kind.DATETIME, True),
        "uuid": (Kind.UUID, True),
        "raw": (Kind.BYTES, False),
        "colour": (Kind.TEXT, False),
        "size": (Kind.TEXT, False),
        "length": (Kind.INTEGER, False),
        "limited": (Kind.INTEGER, False),
        "lines": (Kind.JSON, False),
        "price": (Kind.JSON, True),
        "anything": (Kind.JSON, False),
        "mixed": (Kind.JSON, False),
    }
    assert definition.table.indexes == (("text",), ("number",))


def test_a_row_survives_its_stored_values() -> None:
    definition = define_view(Everything)
    row = Everything(id="a", colour=Colour.BLUE, money=Decimal("1.10"), lines=[Line("x")])

    values = definition.values(row)

    assert values["colour"] == "blue"
    assert definition.row(values) == row


def test_whole_numbers_fit_decimal_and_float_fields() -> None:
    definition = define_view(Everything)

    values = definition.values(Everything(id="a", money=5, real=2))  # type: ignore[arg-type]

    assert (values["money"], type(values["money"])) == (5, Decimal)
    assert (values["real"], type(values["real"])) == (2.0, float)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": 5},
        {"text": "a\x00b"},
        {"text": "\ud800"},
        {"number": None},
        {"number": 2**63},
        {"number": True},
        {"number": "1"},
        {"truth": 1},
        {"real": float("nan")},
        {"real": float("inf")},
        {"money": Decimal("NaN")},
        {"money": Decimal("1E+5000")},
        {"money": 1.5},
        {"at": datetime(2024, 1, 1)},  # noqa: DTZ001 - naive is what must be refused
        {"uuid": "x"},
        {"raw": "x"},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused(fields: dict[str, Any]) -> None:
    definition = define_view(Everything)

    with pytest.raises(InvalidMessageError):
        definition.values(Everything(id="a", **fields))


class Page(View, key="account_id"):
    account_id: str
    owner: str = ""

    @evolves
    def opened(self, event: Opened) -> None: ...

    @evolves
    def renamed(self, event: Renamed) -> None: ...


def test_a_field_of_the_key_name_goes_before_the_stream() -> None:
    definition = define_view(Page, {Opened: "account_id", Renamed: "account_id"})
    keys = {event: routes[0].key_of for event, routes in definition.routes.items()}

    assert keys[Opened](Opened(owner="o"), "Account-a-b") == ("a-b",)  # type: ignore[misc]
    assert keys[Renamed](Renamed(owner="o", account_id="field"), "Account-stream") == ("field",)  # type: ignore[misc]


@pytest.mark.parametrize("aggregate_keys", [{}, {Opened: "other_id"}])
def test_an_event_that_cannot_give_the_key_is_a_fault(aggregate_keys: dict[type, str]) -> None:
    definition = define_view(Page, aggregate_keys)

    assert definition.faults == ("view Page: Opened cannot give the key 'account_id'; use @evolves(key=...)",)


class WrongNames(View, key=("id", "missing", "nested"), index=("nope", "nested")):
    id: str | None = None
    sort: str = ""
    limit: str = ""
    cursor: str = ""
    double__under: str = ""
    _hidden: str = ""
    Id: str = ""
    nested: list[str] = msgspec.field(default_factory=list)
    needs_default: int
    opaque: Opaque | None = None

    @evolves(key=lambda event: event.owner)
    def opened(self, event: Opened) -> None: ...


def test_all_faults_are_told_together() -> None:
    faults = "\n".join(define_view(WrongNames).faults)

    for name in ("sort", "limit", "cursor", "double__under"):
        assert f"no field can be called {name!r}" in faults
    assert "_hidden begins" in faults
    assert "id and Id differ" in faults
    assert "needs_default needs a default" in faults
    assert "no column can hold Opaque" in faults
    assert "its key 'missing' is not one of its fields" in faults
    assert "id cannot be a key" in faults
    assert "nested cannot be a key" in faults
    assert "its index 'nope'" in faults
    assert "nested is nested, and cannot be indexed" in faults


class NoKey(View):
    text: str = ""


class Twice(View, key="owner"):
    owner: str

    @evolves
    def one(self, event: Opened) -> None: ...

    @evolves
    def other(self, event: Opened) -> None: ...


class BothGroupings(View, key="owner"):
    owner: str

    @evolves(key=lambda event: event.owner, keys=lambda event: [event.owner])
    def one(self, event: Opened) -> None: ...


class Unannotated(View, key="owner"):
    owner: str

    @evolves
    def one(self, event) -> None: ...


class BadName(View, key="owner", name="sqlite_things"):
    owner: str

    @evolves
    def one(self, event: Opened) -> None: ...


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (NoKey, "needs a key"),
        (Twice, "two folds of Opened"),
        (BothGroupings, "both key= and keys="),
        (Unannotated, "must take one annotated parameter"),
        (BadName, "cannot be called so"),
    ],
)
def test_planted_fault_is_found(view: type[View], words: str) -> None:
    assert words in "\n".join(define_view(view).faults)


def test_a_view_that_folds_nothing_is_a_fault() -> None:
    class Still(View, key="owner"):
        owner: str

    assert "folds no event" in define_view(Still).faults[0]


class Version2(View, key="account_id", name="Page", version=2):
    account_id: str
    owner: str = ""

    @evolves
    def opened(self, event: Opened) -> None: ...


class Version2OtherCode(View, key="account_id", name="Page", fold_version=2):
    account_id: str
    owner: str = ""

    @evolves
    def opened(self, event: Opened) -> None:
        self.owner = event.owner


class Version2OtherFields(View, key="account_id", name="Page", fold_version=2):
    account_id: str
    renamed_owner: str = ""

    @evolves
    def opened(self, event: Opened) -> None: ...


def mark_of(view: type[View]) -> str:
    return define_view(view, {Opened: "account_id", Renamed: "account_id"}).table.fingerprint


def test_a_declared_version_stands_in_for_the_code_but_not_for_the_columns() -> None:
    assert mark_of(Version2) == mark_of(Version2OtherCode)
    assert len({mark_of(Version2), mark_of(Version2OtherFields), mark_of(Page)}) == 3


@upcasts("Opened", 1)
def no_change(document: dict[str, Any]) -> dict[str, Any]:
    return document


@upcasts("Begun", 1, to="Opened")
def renaming(document: dict[str, Any]) -> dict[str, Any]:
    return document


@upcasts("Elsewhere", 1)
def of_another_event(document: dict[str, Any]) -> dict[str, Any]:
    return document


def test_upcasters_count_when_they_lead_to_a_folded_event() -> None:
    keys: dict[type, str] = {Opened: "account_id"}
    plain = define_view(Page, keys)
    renamed = define_view(Page, keys, upcasters=upcasters_of([renaming]))
    changed = define_view(Page, keys, upcasters=upcasters_of([no_change]))
    elsewhere = define_view(Page, keys, upcasters=upcasters_of([of_another_event]))

    assert renamed.event_names == {"Opened", "Begun", "Renamed"}
    assert elsewhere.event_names == plain.event_names
    assert elsewhere.table.fingerprint == plain.table.fingerprint
    assert len({each.table.fingerprint for each in (plain, renamed, changed)}) == 3


class Numbered(View, key=("number", "day")):
    number: int
    day: str

    @evolves(key=lambda event: (1, "x"))
    def opened(self, event: Opened) -> None: ...


def test_asked_keys_are_read_as_the_types_of_the_key() -> None:
    definition = define_view(Numbered)

    assert definition.asked_key(("7", "mon")) == (7, "mon")
    for wrong in ("7", ("x", "mon"), ("7", "mon", "extra"), (None, "mon"), (7, 8)):
        with pytest.raises(InvalidMessageError):
            definition.asked_key(wrong)
