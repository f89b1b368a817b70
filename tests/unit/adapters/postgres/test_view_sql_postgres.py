"""The SQL of view tables in PostgreSQL's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.adapters.postgres.view_kinds import POSTGRES
from twofold.adapters.sql.view_arrays import render_get, render_load, render_save
from twofold.adapters.sql.view_definition import create_indexes, create_table, publish, republish
from twofold.adapters.sql.view_names import check_names, index_name
from twofold.adapters.sql.view_rows import RowFormat
from twofold.adapters.sql.view_search import render_count_beside, render_find_beside
from twofold.adapters.sql.view_table import RowTable
from twofold.errors import InputError, MisuseError
from twofold.read.view_store import Column, Condition, Kind, Search, ViewTable

EVIL = 'x\'; DROP TABLE "Page__1"; --'
COLUMNS = (
    Column("id", Kind.TEXT, optional=False, type=str),
    Column("price", Kind.DECIMAL, optional=True, type=Decimal),
    Column("lines", Kind.JSON, optional=False, type=list[str]),
)
PAGE = ViewTable("Page", COLUMNS, ("id",), (("price",), ("id", "price")), "fingerprint")
ROWS = RowTable(PAGE, 1, POSTGRES)
LIVE = "SELECT mark FROM live WHERE view = $1 AND generation = $2"


def numbers(sql: str) -> set[int]:
    return {int(number) for number in re.findall(r"\$(\d+)", sql)}


def squeezed(sql: str) -> str:
    return " ".join(sql.split())


# --- tables -------------------------------------------------------------------------------


def test_columns_have_the_types_that_people_expect():
    assert squeezed(create_table(ROWS)) == squeezed("""
        CREATE TABLE twofold_views."Page__1" (
            "id" text COLLATE "C" NOT NULL, "price" numeric, "lines" jsonb, "price__exact" text,
            "_shard" bigint NOT NULL, "_position" bigint NOT NULL, PRIMARY KEY ("id")
        ) WITH (fillfactor = 85)""")


def test_indexes_put_none_where_a_search_wants_it():
    one, other = create_indexes(ROWS).items()

    assert one == (
        "Page__1__price",
        'CREATE INDEX IF NOT EXISTS "Page__1__price" ON twofold_views."Page__1" ("price" NULLS FIRST, "id")',
    )
    assert other[1].endswith('("id", "price" NULLS FIRST, "id")')


def test_people_see_the_declared_columns_under_the_views_name():
    seen = 'twofold_views."Page" AS SELECT "id", "price", "lines" FROM twofold_views."Page__1"'

    assert publish(ROWS) == ['DROP VIEW IF EXISTS twofold_views."Page"', f"CREATE VIEW {seen}"]
    assert republish(ROWS) == f"CREATE OR REPLACE VIEW {seen}"


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (PAGE._replace(view="migrations"), "its name is that of a table of the store's own"),
        (PAGE._replace(view="P" * 55), "its name is longer than 54 bytes"),
        (PAGE._replace(view="ü" * 28), "its name is longer than 54 bytes"),
        (PAGE._replace(columns=(*COLUMNS, Column("f" * 55, Kind.TEXT, optional=True, type=str))), "field f+ is longer"),
    ],
)
def test_names_that_postgresql_would_cut_or_mistake_are_refused(table: ViewTable, fault: str):
    check_names(table)
    with pytest.raises(MisuseError, match=fault):
        check_names(table, POSTGRES)


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=4))
def test_long_names_of_indexes_stay_apart_within_63_bytes(names: list[str]):
    name = index_name("Page", *names)

    assert len(name.encode()) <= 63
    assert name != index_name("Page", *names, "more")


# --- statements ---------------------------------------------------------------------------


def test_a_save_is_one_statement_for_any_number_of_rows():
    sql = squeezed(render_save(ROWS, "UPDATE p SET n = $1 RETURNING true", 1, "SELECT true FROM moved"))

    assert sql == squeezed("""
        WITH moved AS ( UPDATE p SET n = $1 RETURNING true ), deleted AS (
            DELETE FROM twofold_views."Page__1" AS r USING moved, unnest($2::text[]) AS gone (k1) WHERE r."id" = gone.k1
        ), upserted AS (
            INSERT INTO twofold_views."Page__1" ("id", "price", "lines", "price__exact", "_shard", "_position")
            SELECT kept.* FROM moved,
                unnest($3::text[], $4::numeric[], $5::jsonb[], $6::text[], $7::bigint[], $8::bigint[]) AS kept
            ON CONFLICT ("id") DO UPDATE SET "price" = excluded."price", "lines" = excluded."lines",
                "price__exact" = excluded."price__exact", "_shard" = excluded."_shard",
                "_position" = excluded."_position"
        ) SELECT true FROM moved""")


def test_a_key_is_written_again_where_equal_values_differ():
    sql = render_save(RowTable(PAGE._replace(key=("price",)), 1, POSTGRES), "", 0, "")

    assert '"price" = excluded."price", "lines"' in sql


def test_a_load_takes_a_list_for_each_part_of_the_key():
    sql = render_load(RowTable(PAGE._replace(key=("price", "id")), 1, POSTGRES))

    assert "unnest($1::numeric[], $2::text[]) AS wanted (k1, k2)" in sql
    assert 'r."price" = wanted.k1 AND r."id" = wanted.k2' in sql


def test_what_stands_beside_an_answer_has_the_first_values():
    get = render_get(ROWS, LIVE, 2)
    find, values = render_find_beside(ROWS, Search((Condition("id", "gt", "a"),), limit=7), LIVE, 2)
    count, wanted = render_count_beside(ROWS, (Condition("id", "eq", EVIL),), LIVE, 2)

    assert (numbers(get), numbers(find), numbers(count)) == ({1, 2, 3}, {1, 2, 3, 4}, {1, 2, 3})
    assert (values, wanted) == (("a", 7), (EVIL,))
    assert "DROP" not in count


def test_the_mark_of_a_rows_own_shard_goes_first():
    assert 'coalesce((SELECT r."_shard"), b.mark)' in render_get(ROWS, LIVE, 2, 'SELECT r."_shard"')


def test_a_list_of_values_is_one_value():
    sql, values = render_count_beside(ROWS, (Condition("price", "in", (Decimal(1), Decimal(2))),), LIVE, 2)

    assert '"price" = ANY ($3)' in sql
    assert values == ([Decimal(1), Decimal(2)],)


def test_too_many_values_in_a_list_are_refused():
    with pytest.raises(InputError, match="30000 values at most"):
        render_count_beside(ROWS, (Condition("id", "in", ("x",) * 30_001),), LIVE, 2)


# --- values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "exact"),
    [("1.10", None), ("0.00", None), ("-5", None), ("1E-30", None), ("1E+3", "1E+3"), ("-0.0", "-0.0")],
)
def test_what_numeric_would_lose_is_kept_beside_it(price: str, exact: str | None):
    rows = RowFormat(PAGE, POSTGRES)
    written = rows.bindings({"id": "a", "price": Decimal(price), "lines": ["x"]}, 0, 9)

    assert written == ("a", Decimal(price), '["x"]', exact, 0, 9)
    read = rows.row(("a", Decimal("0.0") if exact == "-0.0" else Decimal(price), '["x"]', 9, exact, "mark"))
    assert str(read.values["price"]) == price
    assert (read.values["lines"], read.position) == (["x"], 9)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.DECIMAL, Decimal("NaN")),
        (Kind.DECIMAL, Decimal("Infinity")),
        (Kind.REAL, float("nan")),
        (Kind.DATETIME, datetime(2024, 1, 1)),  # noqa: DTZ001 - what is refused
    ],
)
def test_values_without_a_place_in_the_order_are_refused(kind: Kind, value: Any):
    table = PAGE._replace(columns=(COLUMNS[0], Column("field", kind, optional=True, type=type(value))))

    with pytest.raises(ValueError, match=r"cannot be stored|does not say"):
        RowFormat(table, POSTGRES).bindings({"id": "a", "field": value}, 0, 1)


def test_the_first_and_the_last_moment_come_back_aware():
    kept = POSTGRES.format(Column("at", Kind.DATETIME, optional=True, type=datetime))

    assert kept.read is not None
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - as the driver reads it
    assert kept.read(last) == last.replace(tzinfo=UTC)
    assert kept.read(last.replace(tzinfo=UTC)) == last.replace(tzinfo=UTC)
