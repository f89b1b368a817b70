"""The contract of ViewStore: values come back as they were, under any name."""

from __future__ import annotations

import keyword
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from twofold.read.view_store import Checkpoint, Condition, Kind, RowChange, ViewStore
from twofold.testing.contracts.view_store.tables import Line, fill, mark, new_table

ODD_TEXTS = ["", " ", "'", '"', "''; DROP TABLE x; --", "%", "_", "\\", "naïve", "日本", "🦆", "\n\t\r", "null"]
VALUES: list[tuple[Kind, Any]] = [
    *[(Kind.TEXT, text) for text in (*ODD_TEXTS, "a" * 9999)],
    *[(Kind.INTEGER, number) for number in (0, -1, 2**63 - 1, -(2**63))],
    *[(Kind.REAL, number) for number in (0.0, 0.1, -1.5, 1e308, 5e-324, 1 / 3)],
    *[(Kind.BOOLEAN, truth) for truth in (True, False)],
    *[(Kind.DECIMAL, Decimal(text)) for text in ("0", "1.10", "-1.10", "1E+3", "1E-900", "-9.99E+900", "1" * 100)],
    (Kind.DATETIME, datetime(1, 1, 1, tzinfo=UTC)),
    (Kind.DATETIME, datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    (Kind.DATETIME, datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    *[(Kind.DATE, day) for day in (date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31))],
    *[(Kind.UUID, UUID(int=number)) for number in (0, 1, 2**128 - 1)],
    *[(Kind.BYTES, raw) for raw in (b"", b"\x00\xff'", bytes(range(256)))],
    (Kind.JSON, []),
    (Kind.JSON, [Line("duck 🦆", Decimal("1.10")), Line("", Decimal("-0.5"))]),
]
IDS = [f"{kind.value}-{number}" for number, (kind, _) in enumerate(VALUES)]
NAMES = [
    "order",
    "group",
    "select",
    "index",
    "from",
    "where",
    "table",
    "value",
    "rowid",
    "position",
    "shard",
    "mark",
    "key",
    "values",
    "wanted",
    "r",
    "Mixed_Case9",
    "ünï",
    *keyword.softkwlist,
]


class ValuesContract:
    """Every kind of value comes back equal, and of its type."""

    @pytest.mark.parametrize(("kind", "value"), VALUES, ids=IDS)
    async def test_a_value_comes_back_equal_by_every_way(self, view_store: ViewStore, kind: Kind, value: Any) -> None:
        filled = await fill(view_store, new_table({"field": kind}), [{"id": "a", "field": value}])

        got = (await filled.values(("a",)))["field"]
        loaded = await view_store.load(filled.generation, 0, [("a",)])

        assert (got, type(got)) == (value, type(value))
        assert loaded["a",].values["field"] == value

    @pytest.mark.parametrize(("kind", "value"), [each for each in VALUES if each[0] is not Kind.JSON], ids=IDS[:-2])
    async def test_a_value_is_found_by_itself(self, view_store: ViewStore, kind: Kind, value: Any) -> None:
        filled = await fill(
            view_store, new_table({"field": kind}, index=(("field",),)), [{"id": "a", "field": value}, {"id": "b"}]
        )

        assert await filled.find(Condition("field", "eq", value)) == ["a"]
        assert await filled.find(Condition("field", "in", (value,))) == ["a"]
        assert await filled.find(Condition("field", "ne", value)) == ["b"]

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_none_comes_back_as_none(self, view_store: ViewStore, kind: Kind) -> None:
        filled = await fill(view_store, new_table({"field": kind}), [{"id": "a", "field": None}])

        assert (await filled.values(("a",)))["field"] is None
        assert await filled.find(Condition("field", "isnull", value=True)) == ["a"]

    @pytest.mark.parametrize("text", ["1.10", "1.1", "1E+3", "1000", "0.00", "-0"])
    async def test_a_decimal_keeps_its_exponent(self, view_store: ViewStore, text: str) -> None:
        filled = await fill(view_store, new_table({"field": Kind.DECIMAL}), [{"id": "a", "field": Decimal(text)}])

        assert str((await filled.values(("a",)))["field"]) == text

    async def test_a_datetime_comes_back_aware(self, view_store: ViewStore) -> None:
        moment = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=-8)))
        filled = await fill(view_store, new_table({"field": Kind.DATETIME}), [{"id": "a", "field": moment}])

        assert (await filled.values(("a",)))["field"].utcoffset() is not None


class KeyContract:
    """Rows are told apart by the values of their key."""

    @pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.JSON, Kind.REAL}])
    async def test_a_key_may_be_of_any_kind_with_an_order(self, view_store: ViewStore, kind: Kind) -> None:
        keys = [value for known, value in VALUES if known is kind]
        table = new_table({"key_field": kind}, key=("key_field",))
        filled = await fill(view_store, table, [{"key_field": key} for key in keys])

        loaded = await view_store.load(filled.generation, 0, [(key,) for key in keys])

        assert {key[0] for key in loaded} == set(keys)
        assert await filled.find() == sorted(keys)
        for key in keys:
            assert (await filled.values((key,)))["key_field"] == key

    async def test_composite_keys_are_compared_part_by_part(self, view_store: ViewStore) -> None:
        table = new_table({"day": Kind.DATE, "place": Kind.TEXT, "sold": Kind.INTEGER}, key=("day", "place"))
        days = [date(2024, 1, 1), date(2024, 1, 2)]
        rows = [{"day": day, "place": place, "sold": 1} for day in days for place in ("a,b", "a", "b")]
        filled = await fill(view_store, table, rows)

        changed = RowChange((days[1], "a"), {"day": days[1], "place": "a", "sold": 9}, 2)
        await view_store.save(filled.generation, 0, [changed], mark(1), Checkpoint(mark(2), 0))

        assert (await filled.values((days[1], "a")))["sold"] == 9
        assert await filled.find() == [(day, place) for day in days for place in ("a", "a,b", "b")]
        assert await filled.find(Condition("sold", "eq", 9)) == [(days[1], "a")]

    async def test_equal_numbers_are_one_key(self, view_store: ViewStore) -> None:
        table = new_table({"price": Kind.DECIMAL, "count": Kind.INTEGER}, key=("price",))
        filled = await fill(view_store, table, [{"price": Decimal("1.10"), "count": 1}])

        again = RowChange((Decimal("1.1"),), {"price": Decimal("1.1"), "count": 2}, 2)
        await view_store.save(filled.generation, 0, [again], mark(1), Checkpoint(mark(2), 0))

        assert (await view_store.count(table, ())).count == 1
        assert (await filled.values((Decimal("1.100"),)))["count"] == 2

    async def test_one_moment_is_one_key_in_every_time_zone(self, view_store: ViewStore) -> None:
        table = new_table({"at": Kind.DATETIME, "count": Kind.INTEGER}, key=("at",))
        moment = datetime(2024, 1, 1, 12, tzinfo=UTC)
        filled = await fill(view_store, table, [{"at": moment, "count": 1}])

        elsewhere = moment.astimezone(timezone(timedelta(hours=9)))

        assert (await filled.values((elsewhere,)))["count"] == 1
        assert list(await view_store.load(filled.generation, 0, [(elsewhere,)])) == [(moment,)]

    async def test_text_keys_see_case_and_trailing_blanks(self, view_store: ViewStore) -> None:
        keys = ["A", "a", "a ", "á", "a\u0301"]
        filled = await fill(view_store, new_table({}), [{"id": key} for key in keys])

        assert sorted(await filled.find()) == sorted(keys)


class NamesContract:
    """Fields may be called what Python allows; no name has a meaning to the store."""

    async def test_words_of_query_languages_are_names_like_others(self, view_store: ViewStore) -> None:
        table = new_table(dict.fromkeys(NAMES, Kind.INTEGER), index=tuple((name,) for name in NAMES))
        row = {"id": "a", **{name: number for number, name in enumerate(NAMES)}}
        filled = await fill(view_store, table, [row, {"id": "b"}])

        assert await filled.values(("a",)) == row
        for number, name in enumerate(NAMES):
            assert await filled.find(Condition(name, "eq", number), order_by=[f"-{name}"]) == ["a"]

    async def test_fields_may_stand_in_any_order_with_the_key_last(self, view_store: ViewStore) -> None:
        table = new_table({"count": Kind.INTEGER, "key_field": Kind.TEXT}, key=("key_field",))
        filled = await fill(view_store, table, [{"count": 1, "key_field": "a"}])

        assert await filled.values(("a",)) == {"count": 1, "key_field": "a"}
