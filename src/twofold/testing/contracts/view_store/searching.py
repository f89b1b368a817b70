"""The contract of ViewStore: what is found, and in which order, equals Python's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from random import Random, SystemRandom
from typing import Any
from uuid import UUID

import pytest

from twofold.read.view_store import Condition, Kind, Operator, Search, ViewStore, full_order
from twofold.testing.contracts.view_store.tables import COMPARABLE, fill, new_table

POOL: dict[Kind, list[Any]] = {
    Kind.TEXT: ["", "a", "A", "aa", "ab", "b", "é", "z", "🦆", "a%", "a_b", "10", "9", "\uffff", "\U0010ffff"],
    Kind.INTEGER: [0, 1, -1, 9, 10, 2**53 + 1, 2**53, 2**63 - 1, -(2**63)],
    Kind.REAL: [0.0, -0.0, 0.1, 0.3, -2.5, 1e300, -1e300, 5e-324],
    Kind.BOOLEAN: [True, False],
    Kind.DECIMAL: [
        *map(Decimal, ("0", "1.1", "1.10", "9", "10", "-9", "-10", "0.1", "-0.1")),
        *map(Decimal, ("1E+3", "999.99", "1E-30", "-1E-30", "1E+30")),
    ],
    Kind.DATETIME: [
        datetime(2024, 1, 1, 12, tzinfo=UTC),
        datetime(2024, 1, 1, 13, tzinfo=timezone(timedelta(hours=2))),
        datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(99, 1, 1, tzinfo=UTC),
    ],
    Kind.DATE: [date(2024, 1, 1), date(2023, 12, 31), date(99, 1, 1)],
    Kind.UUID: [UUID(int=number) for number in (0, 9, 10, 2**127, 2**128 - 1)],
    Kind.BYTES: [b"", b"\x00", b"a", b"a\x00", b"\xff"],
}
TESTS: dict[str, Any] = {"eq": eq, "ne": ne, "lt": lt, "lte": le, "gt": gt, "gte": ge}
Row = dict[str, Any]


def python_matches(row: Row, condition: Condition) -> bool:
    """Whether *row* passes the test, by Python's own operators."""
    value, wanted = row[condition.column], condition.value
    match condition.operator:
        case "eq" | "ne":
            return bool(TESTS[condition.operator](value, wanted))
        case "isnull":
            return bool((value is None) == wanted)
        case "in":
            return bool(value in wanted)
        case "contains":
            return value is not None and bool(wanted in value)
        case "startswith":
            return value is not None and bool(value.startswith(wanted))
    return value is not None and bool(TESTS[condition.operator](value, wanted))


def python_find(rows: Sequence[Row], conditions: Sequence[Condition], order: Sequence[tuple[str, bool]]) -> list[Row]:
    """Filter and sort as Python does: by the last column first, each sort leaving ties alone."""
    found = [row for row in rows if all(python_matches(row, one) for one in conditions)]
    for name, falling in reversed(order):
        found.sort(key=lambda row, name=name: (row[name] is not None, row[name]), reverse=falling)  # type: ignore[misc]
    return found


class FilterContract:
    """All conditions of a search must hold; each means what it means in Python."""

    @pytest.mark.parametrize("kind", COMPARABLE)
    @pytest.mark.parametrize("operator", ["eq", "ne", "lt", "lte", "gt", "gte"])
    async def test_a_comparison_equals_pythons(self, view_store: ViewStore, kind: Kind, operator: Operator) -> None:
        rows = [{"id": str(n), "field": value} for n, value in enumerate([*POOL[kind], None])]
        filled = await fill(view_store, new_table({"field": kind}), rows)

        for wanted in POOL[kind]:
            test = Condition("field", operator, wanted)
            expected = [row["id"] for row in rows if python_matches(row, test)]
            assert sorted(await filled.find(test)) == sorted(expected), wanted
            assert (await view_store.count(filled.table, [test])).count == len(expected)

    @pytest.mark.parametrize(
        ("operator", "value", "found"),
        [("eq", None, ["b"]), ("ne", None, ["a"]), ("isnull", True, ["b"]), ("isnull", False, ["a"])],
    )
    async def test_none_is_found_by_name(
        self, view_store: ViewStore, operator: Operator, value: Any, found: list[str]
    ) -> None:
        filled = await fill(view_store, new_table({"field": Kind.TEXT}), [{"id": "a", "field": ""}, {"id": "b"}])

        assert await filled.find(Condition("field", operator, value)) == found

    async def test_in_nothing_finds_nothing(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table({"field": Kind.TEXT}), [{"id": "a", "field": "x"}, {"id": "b"}])

        assert await filled.find(Condition("field", "in", ())) == []
        assert await filled.find(Condition("field", "in", ("x", "y"))) == ["a"]

    @pytest.mark.parametrize("operator", ["contains", "startswith"])
    @pytest.mark.parametrize("text", ["", "a", "A", "%", "_", "a_", "é", "🦆", "\U0010ffff", "zz", "'", "\\", "*", "["])
    async def test_text_is_matched_literally_and_by_case(
        self, view_store: ViewStore, operator: Operator, text: str
    ) -> None:
        texts = [*POOL[Kind.TEXT], "x'y", "b\\c", "*", "[a]", "aé🦆", None]
        rows = [{"id": str(number), "field": value} for number, value in enumerate(texts)]
        filled = await fill(view_store, new_table({"field": Kind.TEXT}, index=(("field",),)), rows)
        test = Condition("field", operator, text)

        expected = {row["id"] for row in rows if python_matches(row, test)}

        assert set(await filled.find(test)) == expected

    async def test_all_conditions_must_hold(self, view_store: ViewStore) -> None:
        rows = [{"id": f"{x}{y}", "x": x, "y": y} for x in range(3) for y in range(3)]
        filled = await fill(view_store, new_table({"x": Kind.INTEGER, "y": Kind.INTEGER}), rows)

        assert await filled.find(Condition("x", "gte", 1), Condition("y", "lt", 1)) == ["10", "20"]
        assert await filled.find(Condition("x", "gt", 0), Condition("x", "lt", 2)) == ["10", "11", "12"]

    async def test_nested_fields_can_be_asked_for_none_only(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table({"field": Kind.JSON}), [{"id": "a", "field": []}, {"id": "b"}])

        assert await filled.find(Condition("field", "isnull", value=False)) == ["a"]


class OrderContract:
    """Rows are sorted as Python sorts: None first when rising, last when falling, ties by the key."""

    @pytest.mark.parametrize("kind", COMPARABLE)
    @pytest.mark.parametrize("falling", [False, True])
    async def test_a_sort_equals_pythons(self, view_store: ViewStore, kind: Kind, falling: bool) -> None:  # noqa: FBT001
        values = [None, *POOL[kind], *reversed(POOL[kind]), None]
        rows: list[Row] = [{"id": f"{n:02}", "field": value} for n, value in enumerate(values)]
        filled = await fill(view_store, new_table({"field": kind}), rows)

        found = await filled.find(order_by=["-field" if falling else "field"])

        expected = python_find(rows, (), (("field", falling), ("id", False)))
        assert found == [row["id"] for row in expected]

    async def test_without_an_order_rows_come_by_key(self, view_store: ViewStore) -> None:
        filled = await fill(view_store, new_table({}), [{"id": key} for key in ["b", "C", "a"]])

        assert await filled.find() == ["C", "a", "b"]
        assert await filled.find(order_by=["-id"]) == ["b", "a", "C"]

    async def test_a_limit_cuts_the_sorted_rows(self, view_store: ViewStore) -> None:
        rows = [{"id": str(number), "field": -number} for number in range(9)]
        filled = await fill(view_store, new_table({"field": Kind.INTEGER}), rows)

        assert await filled.find(order_by=["field"], limit=2) == ["8", "7"]


class KeysetContract:
    """Going on behind a row leaves nothing out and brings nothing twice."""

    @pytest.mark.parametrize("kind", COMPARABLE)
    @pytest.mark.parametrize("order_by", [("field",), ("-field",), ("-field", "-id"), ("id", "field")])
    @pytest.mark.parametrize("limit", [1, 3])
    async def test_pages_one_after_another_equal_the_whole(
        self, view_store: ViewStore, kind: Kind, order_by: tuple[str, ...], limit: int
    ) -> None:
        values = [None, *POOL[kind], *POOL[kind][:3], None]
        rows: list[Row] = [{"id": f"{n:02}", "field": value} for n, value in enumerate(values)]
        filled = await fill(view_store, new_table({"field": kind}, index=(("field",),)), rows)

        assert await paged(view_store, filled.table, Search(order_by=order_by, limit=limit)) == await filled.find(
            order_by=order_by
        )

    async def test_pages_keep_to_their_conditions(self, view_store: ViewStore) -> None:
        rows = [{"id": f"{number:02}", "field": number % 4} for number in range(20)]
        filled = await fill(view_store, new_table({"field": Kind.INTEGER}), rows)
        tests = (Condition("field", "gte", 2),)

        pages = await paged(view_store, filled.table, Search(tests, ("-field",), 3))

        assert pages == await filled.find(*tests, order_by=["-field"])
        assert len(pages) == 10

    async def test_composite_keys_break_ties_part_by_part(self, view_store: ViewStore) -> None:
        table = new_table({"a": Kind.TEXT, "b": Kind.INTEGER, "c": Kind.INTEGER}, key=("a", "b"))
        rows = [{"a": a, "b": b, "c": 1} for a in "xyz" for b in range(3)]
        filled = await fill(view_store, table, rows)

        assert len(await paged(view_store, table, Search(order_by=("c", "-b"), limit=2))) == len(rows)
        assert (await filled.find(order_by=["c", "-b"]))[:3] == [("x", 2), ("y", 2), ("z", 2)]


async def paged(store: ViewStore, table: Any, search: Search) -> list[Any]:
    """The keys of all rows, page by page."""
    order = full_order(table, search.order_by)
    keys: list[Any] = []
    after = None
    while True:
        rows = (await store.find(table, Search(search.conditions, search.order_by, search.limit, after))).rows
        keys += [tuple(row.values[name] for name in table.key) for row in rows]
        if len(rows) < search.limit:
            return [key[0] if len(key) == 1 else key for key in keys]
        after = tuple(rows[-1].values[name] for name, _ in order)


class RandomSearchContract:
    """Any search over any rows equals filtering and sorting them in Python."""

    async def test_random_searches_equal_pythons(self, view_store: ViewStore) -> None:
        seed = SystemRandom().getrandbits(32)
        print(f"seed {seed}")  # noqa: T201 - to repeat what failed
        random = Random(seed)  # noqa: S311 - a test's dice
        for _ in range(12):
            names = {f"f{number}": random.choice(COMPARABLE) for number in range(random.randint(1, 4))}
            indexes = tuple((name,) for name in names if random.random() < 0.5)
            rows: list[Row] = [
                {"id": f"{number:03}", **{name: random.choice([None, *POOL[kind]]) for name, kind in names.items()}}
                for number in range(random.randint(0, 40))
            ]
            filled = await fill(view_store, new_table(names, index=indexes), rows)
            for _ in range(15):
                tests = [random_condition(random, names) for _ in range(random.randint(0, 3))]
                order = random.sample([*names, "id"], random.randint(0, len(names) + 1))
                order_by = tuple(random.choice(["", "-"]) + name for name in order)
                expected = [row["id"] for row in python_find(rows, tests, full_order(filled.table, order_by))]
                assert await filled.find(*tests, order_by=order_by) == expected, (tests, order_by)
                assert (await view_store.count(filled.table, tests)).count == len(expected)
                search = Search(tuple(tests), order_by, random.randint(1, 7))
                assert await paged(view_store, filled.table, search) == expected, (tests, order_by)


def random_condition(random: Random, names: Mapping[str, Kind]) -> Condition:
    """A test of one of the named columns, with a value from the pool."""
    name, kind = random.choice(list(names.items()))
    operators: list[Operator] = ["eq", "ne", "lt", "lte", "gt", "gte", "in", "isnull"]
    if kind is Kind.TEXT:
        operators += ["contains", "startswith"]
    operator = random.choice(operators)
    if operator == "isnull":
        return Condition(name, operator, random.choice([True, False]))
    if operator == "in":
        return Condition(name, operator, tuple(random.choices(POOL[kind], k=random.randint(0, 3))))
    nothing = [None] if operator in {"eq", "ne"} else []
    return Condition(name, operator, random.choice([*POOL[kind], *nothing]))
