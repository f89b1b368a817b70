"""The SQL of view tables: declared names quoted, values bound, and nothing else in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.adapters.sql.view_definition import create_table, publish
from twofold.adapters.sql.view_names import check_names
from twofold.adapters.sql.view_search import after_prefix, render_count, render_find
from twofold.adapters.sql.view_table import RowTable
from twofold.adapters.sqlite.view_kinds import SQLITE
from twofold.errors import ColumnUnknownError, InputError, MisuseError
from twofold.read.view_store import Column, Condition, Kind, Search, ViewTable

EVIL = 'x\'; DROP TABLE "Page__1"; --'
COLUMNS = (
    Column("id", Kind.TEXT, optional=False, type=str),
    Column("owner", Kind.TEXT, optional=True, type=str),
    Column("total", Kind.INTEGER, optional=False, type=int),
    Column("lines", Kind.JSON, optional=False, type=list[str]),
)
NUMBERED = SQLITE._replace(parameter=lambda number: f"${number}")


def page(**changes: Any) -> ViewTable:
    return ViewTable("Page", COLUMNS, ("id",), (), "fingerprint")._replace(**changes)


def rows(table: ViewTable, dialect: Any = SQLITE) -> RowTable:
    return RowTable(table, 1, dialect)


# --- searches -----------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "lte", "gt", "gte", "contains", "startswith"])
def test_values_are_bound_and_never_in_the_text(operator: Any):
    sql, values = render_count(rows(page()), [Condition("owner", operator, EVIL)])

    assert "DROP" not in sql
    assert EVIL in values


def test_placeholders_are_numbered_in_the_order_of_their_values():
    search = Search((Condition("owner", "in", ("a", "b")), Condition("total", "gt", 3)), ("-total",), 7, (9, "k"))

    sql, values = render_find(rows(page(), NUMBERED), search)

    assert [sql.index(f"${number}") for number in range(1, len(values) + 1)] == sorted(
        sql.index(f"${number}") for number in range(1, len(values) + 1)
    )
    assert values == ("a", "b", 3, 9, 9, 9, "k", 7)


@pytest.mark.parametrize("name", ["nobody", "total; --", 'total" --', "_position", "total__order", ""])
def test_a_column_that_is_not_declared_is_refused_with_the_fields(name: str):
    with pytest.raises(ColumnUnknownError, match="id, owner, total, lines"):
        render_count(rows(page()), [Condition(name, "eq", 1)])
    with pytest.raises(ColumnUnknownError):
        render_find(rows(page()), Search(order_by=(f"-{name}",)))


def test_too_many_values_at_once_are_refused():
    with pytest.raises(InputError, match="30000 values at most"):
        render_count(rows(page()), [Condition("total", "in", tuple(range(30_001)))])


def test_an_unknown_operator_is_refused():
    with pytest.raises(InputError, match="cannot be tested"):
        render_count(rows(page()), [Condition("total", "like", 1)])  # type: ignore[arg-type]


@pytest.mark.parametrize("operator", ["contains", "startswith"])
def test_only_text_contains_text(operator: Any):
    with pytest.raises(InputError, match="total is no text"):
        render_count(rows(page()), [Condition("total", operator, "1")])


def test_nested_values_have_neither_order_nor_tests():
    with pytest.raises(InputError, match="lines has no order"):
        render_find(rows(page()), Search(order_by=("lines",)))
    with pytest.raises(InputError, match="lines cannot be tested"):
        render_count(rows(page()), [Condition("lines", "eq", [])])


def test_a_place_to_go_on_from_has_a_value_for_each_column_of_the_order():
    with pytest.raises(InputError, match="has 2 columns"):
        render_find(rows(page()), Search(order_by=("total",), after=(1,)))


@given(st.text(max_size=5), st.text(max_size=8))
def test_the_end_of_a_prefix_is_behind_all_that_start_with_it(prefix: str, text: str):
    if not prefix:
        return
    end = after_prefix(prefix)

    assert text.startswith(prefix) == (prefix <= text and (end is None or text < end))
    assert end is None or prefix + text < end


def test_the_end_of_a_prefix_is_never_half_a_character():
    assert after_prefix("a\ud7ff") == "a\ue000"
    assert after_prefix("a\U0010ffff") == "b"
    assert after_prefix("\U0010ffff") is None


# --- tables -------------------------------------------------------------------------------


def test_quotes_in_a_views_name_stay_in_the_name():
    create = create_table(rows(page(view='a"b')))

    assert create.startswith('CREATE TABLE "a""b__1" (')


@pytest.mark.parametrize("view", ["sqlite_x", "Twofold_generations", "PG_class", "a__1"])
def test_names_that_are_the_stores_own_are_refused(view: str):
    with pytest.raises(MisuseError, match="reserved"):
        check_names(page(view=view))


@pytest.mark.parametrize("name", ["_shard", "_position", "total__order"])
def test_fields_named_like_the_stores_own_columns_are_refused(name: str):
    with pytest.raises(MisuseError, match=name):
        check_names(page(columns=(*COLUMNS, Column(name, Kind.TEXT, optional=True, type=str))))


def test_all_that_is_wrong_with_a_view_is_said_at_once():
    columns = (Column("id", Kind.TEXT, optional=True, type=str), *COLUMNS[1:], COLUMNS[2]._replace(name="Total"))

    with pytest.raises(MisuseError) as refused:
        check_names(page(columns=columns))

    assert "key field id must not be optional" in str(refused.value)
    assert "fields total and Total differ only in upper and lower case" in str(refused.value)


@pytest.mark.parametrize("view", ["", "a\0b"])
def test_a_name_that_no_database_takes_is_refused(view: str):
    with pytest.raises(MisuseError, match="cannot name"):
        publish(rows(page(view=view)))
