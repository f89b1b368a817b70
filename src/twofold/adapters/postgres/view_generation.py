"""One generation of a view as a PostgreSQL store keeps it: its statements, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twofold.adapters.postgres.view_kinds import POSTGRES
from twofold.adapters.sql.view_arrays import render_get, render_load, render_save
from twofold.adapters.sql.view_marks import mark_of
from twofold.adapters.sql.view_rows import RowFormat
from twofold.adapters.sql.view_search import render_count_beside, render_find, render_find_beside
from twofold.adapters.sql.view_table import RowTable
from twofold.errors import InputError
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Condition, Counted, Found, Generation, Key, RowChange, Search, StoredRow, ViewTable

Asked = tuple[str, tuple[Any, ...]]
Record = Any  # asyncpg's own: a sequence that does not say so
_MOVING_VALUES = 10
_LIVE_VALUES = 2


class GenerationTable:
    """Says what to ask the database, and what its answers mean.

    `get`, `find` and `count` are one statement each, that answers nothing once this generation is not the live one
    (or, if it is asked for by itself, not kept any more); else each row of the answer has its mark at its end.
    """

    def __init__(
        self, generation: Generation, table: ViewTable, sql: Mapping[str, str], *, is_live: bool = True
    ) -> None:
        self.generation = generation
        self.number = generation.number
        self.table = table
        self.rows = RowTable(table, generation.number, POSTGRES)
        self._format = RowFormat(table, POSTGRES)
        self._live = (generation.view, generation.number)
        is_one = generation.shards == 1  # looking for the lowest of one takes longer than finding it
        self._live_mark = sql[("only_live_mark" if is_one else "live_mark") if is_live else "lowest_mark"]
        self._position = len(table.columns)
        self._get = render_get(self.rows, self._live_mark, _LIVE_VALUES, None if is_one else sql["own_mark"])
        self._load = render_load(self.rows)
        self._save = render_save(self.rows, sql["move_checkpoint"], _MOVING_VALUES, sql["end_of_save"])
        self._write = render_save(self.rows, "SELECT", 0, sql["end_of_save"])
        self._mark_text = ""
        self._mark: Mark

    # --- answering ------------------------------------------------------------------------

    def get(self, key: Key) -> Asked:
        """Asks for the row with this key."""
        return self._get, self._live + self._format.key_bindings(key)

    def find(self, search: Search) -> Asked:
        """Asks for the rows that match. Raises ColumnUnknownError and InputError."""
        sql, values = render_find_beside(self.rows, search, self._live_mark, _LIVE_VALUES)
        return sql, self._live + values

    def count(self, conditions: Sequence[Condition]) -> Asked:
        """Asks how many rows match. Raises ColumnUnknownError and InputError."""
        sql, values = render_count_beside(self.rows, conditions, self._live_mark, _LIVE_VALUES)
        return sql, self._live + values

    def found(self, records: Sequence[Record]) -> Found:
        """What was answered to `get` or `find`."""
        first = records[0]
        rows = [] if first[self._position] is None else list(map(self._format.row, records))
        return Found(rows, self._mark_of(first), self.number)

    def counted(self, records: Sequence[Record]) -> Counted:
        """What was answered to `count`."""
        return Counted(records[0][0], self._mark_of(records[0]), self.number)

    def _mark_of(self, record: Record) -> Mark:
        text = record[-1]
        if text != self._mark_text:
            self._mark = mark_of(text)
            self._mark_text = text
        return self._mark

    # --- folding --------------------------------------------------------------------------

    def load(self, keys: Sequence[Key]) -> Asked:
        """Asks for the rows with those keys."""
        return self._load, tuple(zip(*map(self._format.key_bindings, keys), strict=True))

    def listed(self, search: Search) -> Asked:
        """Asks for the rows that match, for whoever folds them. Raises ColumnUnknownError and InputError."""
        return render_find(self.rows, search)

    def rows_of(self, records: Sequence[Record]) -> list[StoredRow]:
        """What was answered to `listed`."""
        return list(map(self._format.row, records))

    def loaded(self, records: Sequence[Record]) -> dict[Key, StoredRow]:
        """What was answered to `load`."""
        key_of = self._format.key_of
        return {key_of(row.values): row for row in map(self._format.row, records)}

    def save(self, shard: int, changes: Sequence[RowChange]) -> Asked:
        """Asks for *changes*; what `move_checkpoint` is given has to come in front of the values.

        Raises InputError for a value that no column takes.
        """
        return self._save, self._values(shard, changes)

    def write(self, shard: int, changes: Sequence[RowChange]) -> Asked:
        """As `save`, without a checkpoint."""
        return self._write, self._values(shard, changes)

    def _values(self, shard: int, changes: Sequence[RowChange]) -> tuple[Any, ...]:
        last = {change.key: change for change in changes}.values()
        bind = self._format.bindings
        try:
            gone = [self._format.key_bindings(change.key) for change in last if change.values is None]
            kept = [bind(change.values, shard, change.position) for change in last if change.values is not None]
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            raise self.unfit(error) from error
        return (*_lists(gone, len(self.rows.key)), *_lists(kept, len(self.rows.written)))

    def unfit(self, error: Exception) -> InputError:
        """The error for a batch with a value that does not fit."""
        return InputError(f"{self.generation.view} has a row that cannot be stored: {error}")


def _lists(rows: Sequence[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any]]:
    """*rows* turned on their side: a list a column."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
