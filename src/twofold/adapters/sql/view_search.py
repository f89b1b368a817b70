"""Searches as SQL: filters, order and keyset, from declared fields only, every value bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from twofold.adapters.sql.view_dialect import Dialect
from twofold.adapters.sql.view_names import compared, quoted
from twofold.adapters.sql.view_rows import comparing
from twofold.adapters.sql.view_table import RowTable
from twofold.errors import ColumnUnknownError, InputError
from twofold.read.view_store import Column, Condition, Kind, Search, full_order

_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
VALUES_MAX = 30_000
"""Most values that one search may hold."""
_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


class Place(NamedTuple):
    """One column of an order, and whether it falls."""

    column: Column
    falling: bool


class Statement:
    """SQL text under construction, and the values bound so far; *bound* others stand before them."""

    def __init__(self, source: RowTable, bound: int = 0) -> None:
        self.source = source
        self._bound = bound
        self.dialect: Dialect = source.dialect
        self.columns: Mapping[str, Column] = {column.name: column for column in source.table.columns}
        self.values: list[Any] = []

    def bind(self, value: Any) -> str:
        """The placeholder of *value*. Raises InputError for one too many."""
        _refuse_too_many(len(self.values) + 1)
        self.values.append(value)
        return self.dialect.parameter(self._bound + len(self.values))

    def bind_for(self, column: Column, value: Any) -> str:
        """The placeholder of *value* in the form in which *column* is compared."""
        return self.bind(self.comparable(column, value))

    def comparable(self, column: Column, value: Any) -> Any:
        """*value* in the form in which *column* is compared."""
        convert = comparing(column, self.dialect)
        return value if convert is None else convert(value)

    def column(self, name: str) -> Column:
        """The declared column. Raises ColumnUnknownError."""
        found = self.columns.get(name)
        if found is None:
            raise ColumnUnknownError(self.source.table.view, name, tuple(self.columns))
        return found

    def name(self, column: Column) -> str:
        """The quoted name of what *column* is compared by."""
        return compared(column, self.dialect)


def render_find(source: RowTable, search: Search) -> tuple[str, tuple[Any, ...]]:
    """The statement that reads the columns of `selected` of the rows that match, in order."""
    statement = Statement(source)
    return _find(statement, search)[0], tuple(statement.values)


def render_find_beside(source: RowTable, search: Search, beside: str, bound: int) -> tuple[str, tuple[Any, ...]]:
    """The same with the only column of the query *beside* behind them, in one statement: one snapshot.

    No row of *beside*, no answer; without a row that matches, the columns before the last one are NULL. The *bound*
    values of *beside* come first.
    """
    statement = Statement(source, bound)
    rows, order = _find(statement, search)
    columns = ", ".join(f"r.{name}" for name in source.selected)
    by = ", ".join(f"r.{_render_place(statement, place)}" for place in order)
    answer = f"SELECT {columns}, b.* FROM ({beside}) AS b LEFT JOIN LATERAL ({rows}) AS r ON TRUE ORDER BY {by}"
    return answer, tuple(statement.values)


def _find(statement: Statement, search: Search) -> tuple[str, list[Place]]:
    source = statement.source
    order = order_of(statement, search.order_by)
    tests = [render_condition(statement, condition) for condition in search.conditions]
    if search.after is not None:
        tests.append(_render_after(statement, order, search.after))
    columns = ", ".join(source.selected)
    by = ", ".join(_render_place(statement, place) for place in order)
    limit = statement.bind(search.limit)
    return f"SELECT {columns} FROM {source.name}{_where(tests)} ORDER BY {by} LIMIT {limit}", order


def render_count(source: RowTable, conditions: Sequence[Condition]) -> tuple[str, tuple[Any, ...]]:
    """The statement that counts the rows that match."""
    statement = Statement(source)
    return _count(statement, conditions), tuple(statement.values)


def render_count_beside(
    source: RowTable, conditions: Sequence[Condition], beside: str, bound: int
) -> tuple[str, tuple[Any, ...]]:
    """The same with the only column of the query *beside*, as `render_find_beside` has it."""
    statement = Statement(source, bound)
    return f"SELECT ({_count(statement, conditions)}), b.* FROM ({beside}) AS b", tuple(statement.values)


def _count(statement: Statement, conditions: Sequence[Condition]) -> str:
    tests = [render_condition(statement, condition) for condition in conditions]
    return f"SELECT count(*) FROM {statement.source.name}{_where(tests)}"


def _where(tests: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(tests)}" if tests else ""


def _refuse_too_many(values: int) -> None:
    if values > VALUES_MAX:
        raise InputError(f"a search may hold {VALUES_MAX} values at most")


# --- conditions ---------------------------------------------------------------------------


def render_condition(statement: Statement, condition: Condition) -> str:
    """One test. Raises ColumnUnknownError, or InputError when the column's kind has no such operator."""
    column = statement.column(condition.column)
    render = _OPERATORS.get(condition.operator)
    if render is None or (column.kind is Kind.JSON and condition.operator != "isnull"):
        raise InputError(f"field {column.name} cannot be tested with {condition.operator!r}")
    return render(statement, column, condition.value)


def _render_equal(statement: Statement, column: Column, value: Any) -> str:
    name = statement.name(column)
    return f"{name} IS NULL" if value is None else f"{name} = {statement.bind_for(column, value)}"


def _render_unequal(statement: Statement, column: Column, value: Any) -> str:
    name = statement.name(column)
    if value is None:
        return f"{name} IS NOT NULL"
    return f"({name} <> {statement.bind_for(column, value)} OR {name} IS NULL)"


def _comparison(sign: str) -> Callable[[Statement, Column, Any], str]:
    def render(statement: Statement, column: Column, value: Any) -> str:
        if value is None:
            return "FALSE"
        return f"{statement.name(column)} {sign} {statement.bind_for(column, value)}"

    return render


def _render_in(statement: Statement, column: Column, value: Any) -> str:
    name = statement.name(column)
    if statement.dialect.arrays:
        _refuse_too_many(len(value))
        return f"{name} = ANY ({statement.bind([statement.comparable(column, item) for item in value])})"
    wanted = ", ".join(statement.bind_for(column, item) for item in value)
    return f"{name} IN ({wanted})" if wanted else "FALSE"


def _render_contains(statement: Statement, column: Column, value: Any) -> str:
    _only_text(column, "contains")
    return f"{statement.dialect.instr}({quoted(column.name)}, {statement.bind(value)}) > 0"


def _render_starts_with(statement: Statement, column: Column, value: Any) -> str:
    """A range instead of a pattern: literal, case-sensitive, and served by an index."""
    _only_text(column, "startswith")
    name = quoted(column.name)
    if not value:
        return f"{name} IS NOT NULL"
    test = f"{name} >= {statement.bind(value)}"
    end = after_prefix(value)
    return test if end is None else f"{test} AND {name} < {statement.bind(end)}"


def _render_is_null(statement: Statement, column: Column, value: Any) -> str:
    return f"{statement.name(column)} IS {'' if value else 'NOT '}NULL"


def _only_text(column: Column, operator: str) -> None:
    if column.kind is not Kind.TEXT:
        raise InputError(f"field {column.name} is no text and cannot be tested with {operator!r}")


def after_prefix(prefix: str) -> str | None:
    """The smallest text behind every text that starts with *prefix*; None when there is none."""
    kept = prefix.rstrip(chr(_LAST_CODE_POINT))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


_OPERATORS: dict[str, Callable[[Statement, Column, Any], str]] = {
    "eq": _render_equal,
    "ne": _render_unequal,
    **{operator: _comparison(sign) for operator, sign in _SIGNS.items()},
    "in": _render_in,
    "contains": _render_contains,
    "startswith": _render_starts_with,
    "isnull": _render_is_null,
}


# --- order and keyset ---------------------------------------------------------------------


def order_of(statement: Statement, order_by: Sequence[str]) -> list[Place]:
    """The full order: what was asked for, then the key columns that are not in it yet.

    Raises ColumnUnknownError, or InputError for a column that has no order.
    """
    order = full_order(statement.source.table, order_by)
    places = [Place(statement.column(name), falling) for name, falling in order]
    for column, _ in places:
        if column.kind is Kind.JSON:
            raise InputError(f"field {column.name} has no order")
    return places


def _render_place(statement: Statement, place: Place) -> str:
    direction = "DESC NULLS LAST" if place.falling else "ASC NULLS FIRST"
    return f"{statement.name(place.column)} {direction if place.column.optional else direction.partition(' ')[0]}"


def _render_after(statement: Statement, order: Sequence[Place], after: Sequence[Any]) -> str:
    """Rows behind *after*: `(a, b) > (x, y)` written out, since directions and NULLs may differ by column.

    The test of the first column stands alone as well, so that an index can start there.
    """
    if len(after) != len(order):
        raise InputError(f"this order has {len(order)} columns, the place to go on from has {len(after)}")
    start = _render_not_before(statement, order[0], after[0])
    levels = list(_levels(statement, order, after))
    return f"{start} AND ({' OR '.join(levels)})"


def _levels(statement: Statement, order: Sequence[Place], after: Sequence[Any]) -> Iterator[str]:
    """One test for each column: equal in all columns before it, and behind in this one."""
    for depth, (place, value) in enumerate(zip(order, after, strict=True)):
        same = [_render_equal(statement, order[i].column, after[i]) for i in range(depth)]
        yield f"({' AND '.join([*same, _render_behind(statement, place, value)])})"


def _render_behind(statement: Statement, place: Place, value: Any) -> str:
    name = statement.name(place.column)
    if value is None:
        return "FALSE" if place.falling else f"{name} IS NOT NULL"
    if not place.falling:
        return f"{name} > {statement.bind_for(place.column, value)}"
    test = f"{name} < {statement.bind_for(place.column, value)}"
    return f"({test} OR {name} IS NULL)" if place.column.optional else test


def _render_not_before(statement: Statement, place: Place, value: Any) -> str:
    name = statement.name(place.column)
    if value is None:
        return f"{name} IS NULL" if place.falling else "TRUE"
    if not place.falling:
        return f"{name} >= {statement.bind_for(place.column, value)}"
    test = f"{name} <= {statement.bind_for(place.column, value)}"
    return f"({test} OR {name} IS NULL)" if place.column.optional else test
