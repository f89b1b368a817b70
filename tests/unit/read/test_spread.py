"""A row is in one shard, found from its key alone; a shard reads its slices where rows are streams."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.read.accounts import Deposited, Opened
from twofold.event_store.stream import SLICES, slice_of
from twofold.messages.folding import evolves
from twofold.read.define_view import define_view
from twofold.read.spread import WHOLE, Shard, Spread
from twofold.read.view import View, ViewDefinition
from twofold.read.view_store import Column, Kind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHARDS = st.integers(1, SLICES)
ACCOUNTS: dict[type, str] = {Opened: "account_id", Deposited: "account_id"}
ONE_CATEGORY: dict[type, str] = {Opened: "Account", Deposited: "Account"}


def column(kind: Kind) -> Column:
    return Column("key", kind, optional=False, type=object)


# --- slices -------------------------------------------------------------------------------


@given(SHARDS)
def test_every_slice_is_in_exactly_one_shard(of: int) -> None:
    found = [part for number in range(of) for part in range(*Shard(number, of).slices)]

    assert found == list(range(SLICES))


@given(SHARDS, st.integers(0, SLICES - 1))
def test_a_shard_has_what_is_within_its_slices(of: int, part: int) -> None:
    number = part * of // SLICES

    assert Shard(number, of).has(part)
    assert Shard(number, of).slices[0] <= part < Shard(number, of).slices[1]
    assert sum(Shard(other, of).has(part) for other in {0, number, of - 1}) == 1


def test_one_shard_has_everything() -> None:
    assert WHOLE.slices == (0, SLICES)
    assert str(Shard(1, 4)) == "shard 2 of 4"


@given(st.text(min_size=1), SHARDS)
def test_a_row_is_in_the_shard_that_has_its_slice(key: str, of: int) -> None:
    spread = Spread(of, [column(Kind.TEXT)])

    assert Shard(spread.shard_of((key,), of), of).has(spread.slice_of((key,)))


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text), SHARDS)
def test_the_slice_of_a_row_that_is_a_stream_is_the_streams(key: str, of: int) -> None:
    spread = Spread(of, [column(Kind.TEXT)], "Account")

    assert spread.slice_of((key,)) == slice_of(f"Account-{key}")


@pytest.mark.parametrize(
    ("kind", "equals"),
    [
        (Kind.DECIMAL, [Decimal("1.50"), Decimal("1.5"), Decimal("15E-1")]),
        (Kind.DECIMAL, [Decimal(0), Decimal("-0"), Decimal("0.00"), Decimal("0E+9")]),
        (Kind.DECIMAL, [Decimal("1E+3"), Decimal(1000)]),
        (Kind.DATETIME, [NOON, NOON.astimezone(timezone(timedelta(hours=2)))]),
    ],
)
def test_equal_keys_are_in_one_slice_however_they_are_written(kind: Kind, equals: list[Any]) -> None:
    spread = Spread(8, [column(kind)])

    assert len(set(equals)) == 1
    assert len({spread.slice_of((key,)) for key in equals}) == 1


@pytest.mark.parametrize(
    ("kind", "key", "known"),
    [
        (Kind.INTEGER, 7, 642),
        (Kind.BOOLEAN, True, 947),
        (Kind.DATE, date(2026, 3, 1), 146),
        (Kind.UUID, UUID(int=7), 810),
        (Kind.BYTES, b"\x00\xff", 609),
        (Kind.DECIMAL, Decimal("1.5"), 954),
        (Kind.TEXT, "Ada", 392),
    ],
)
def test_the_slice_of_a_key_is_the_same_in_every_process_and_version(kind: Kind, key: Any, known: int) -> None:
    """What is stored is spread so: another slice for the same key would fold it twice or never."""
    assert Spread(8, [column(kind)]).slice_of((key,)) == known


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    spread = Spread(8, [column(Kind.TEXT), column(Kind.TEXT)])

    assert spread.slice_of(("ab", "c")) != spread.slice_of(("a", "bc"))


# --- what a view declares -----------------------------------------------------------------


class ByStream(View, key="account_id", shards=4):
    account_id: str
    total: Decimal = Decimal(0)

    @evolves
    def deposited(self, event: Deposited) -> None:
        self.total += event.amount


class ByOwner(View, key="owner", shards=4):
    owner: str
    accounts: int = 0

    @evolves
    def opened(self, event: Opened) -> None:
        self.accounts += 1


class InSeveral(View, key="account_id", shards=4):
    account_id: str
    total: Decimal = Decimal(0)

    @evolves(keys=lambda event: [("all",), (str(event.amount),)])
    def deposited(self, event: Deposited) -> None:
        self.total += event.amount


def defined(cls: type[View], categories: dict[type, str] | None = None) -> ViewDefinition[Any]:
    definition = define_view(cls, ACCOUNTS, categories=categories)
    assert not definition.faults
    return definition


def test_a_view_whose_key_is_the_stream_is_spread_by_its_slices() -> None:
    assert defined(ByStream, ONE_CATEGORY).spread.category == "Account"


@pytest.mark.parametrize(
    ("cls", "categories"),
    [
        (ByOwner, ONE_CATEGORY),
        (InSeveral, ONE_CATEGORY),
        (ByStream, {}),
        (ByStream, {Opened: "Account"}),
    ],
    ids=["another key", "several rows an event", "no known category", "another event's category"],
)
def test_any_other_view_is_spread_by_its_keys(cls: type[View], categories: dict[type, str]) -> None:
    assert defined(cls, categories).spread.category is None


def test_another_spread_is_another_generation() -> None:
    class Eight(ByStream, key="account_id", name="ByStream", shards=8):
        pass

    class One(ByStream, key="account_id", name="ByStream"):
        pass

    views = (
        defined(ByStream, ONE_CATEGORY),
        defined(ByStream),
        defined(Eight, ONE_CATEGORY),
        defined(One, ONE_CATEGORY),
    )
    marks = {view.table.fingerprint for view in views}

    assert len(marks) == 4
    assert defined(One).table.fingerprint == defined(One, ONE_CATEGORY).table.fingerprint


@pytest.mark.parametrize("shards", [0, -1, SLICES + 1, 2.0, "4", True, None])
def test_a_number_of_shards_that_cannot_be_is_a_fault(shards: Any) -> None:
    class Wrong(View, key="account_id", shards=shards):
        account_id: str

        @evolves
        def deposited(self, event: Deposited) -> None: ...

    assert define_view(Wrong, ACCOUNTS).faults == (
        f"view Wrong: shards must be a whole number from 1 to 1024, not {shards!r}",
    )
