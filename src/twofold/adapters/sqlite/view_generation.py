"""One generation of a view as an SQLite store keeps it: its statements, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, starmap
from typing import Any, TypeVar

import apsw

from twofold.adapters.sql.view_marks import mark_of
from twofold.adapters.sql.view_rows import RowFormat
from twofold.adapters.sql.view_table import RowTable
from twofold.adapters.sqlite.view_kinds import SQLITE
from twofold.errors import InputError
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Found, Generation, Key, RowChange, StoredRow, ViewTable

T = TypeVar("T")
# Measured: more rows a statement gain nothing. Fewer cost, and on a thread far more: SQLite gives the
# interpreter up and waits for it again once a statement.
ROWS_AT_ONCE = (64, 16, 4, 1)


class GenerationTable:
    """Reads and writes the rows of one generation on connections that it is given."""

    def __init__(self, generation: Generation, table: ViewTable, live_mark: str) -> None:
        self.generation = generation
        self.number = generation.number
        self.table = table
        self.rows = RowTable(table, generation.number, SQLITE)
        self.format = RowFormat(table, SQLITE)
        self._key_bindings = self.format.key_bindings
        self._row = self.format.row
        self._most = self.rows.rows_at_once()
        self._upsert = cache(self.rows.upsert)
        self._delete = cache(self.rows.delete)
        self._load = cache(self.rows.load)
        self._get = self.rows.get(live_mark, bound=2)
        self._get_alone = self.rows.get("NULL", bound=0)
        self._live = (generation.view, generation.number)
        self._mark_text = ""
        self._mark: Mark

    def get(self, cursor: apsw.Cursor, key: Key) -> Found | None:
        """The row with this key and the live mark, in one statement: one snapshot.

        None when there is no such row, or this generation is no longer the live one.
        """
        read = cursor.execute(self._get, self._live + self._key_bindings(key)).get
        if read is None or read[-1] is None:
            return None
        mark = self._mark if read[-1] == self._mark_text else self.mark(read[-1])
        return Found([self._row(read)], mark, self.number)

    def found(self, cursor: apsw.Cursor, key: Key, lowest: Mark) -> Found:
        """The row with this key, or none, in the snapshot that *cursor*'s connection has, where it is the live one.

        *lowest* is the mark of its lowest shard there.
        """
        if self.generation.shards > 1:
            return self.get(cursor, key) or Found([], lowest, self.number)
        return self.own(cursor, key, lowest)

    def own(self, cursor: apsw.Cursor, key: Key, lowest: Mark) -> Found:
        """The row with this key, or none, live or not; the mark is the *lowest* shard's."""
        read = cursor.execute(self._get_alone, self._key_bindings(key)).get
        return Found([] if read is None else [self._row(read)], lowest, self.number)

    def mark(self, text: str) -> Mark:
        """The mark that a checkpoint keeps as *text*."""
        if text != self._mark_text:
            self._mark = mark_of(text)
            self._mark_text = text
        return self._mark

    def load(self, connection: apsw.Connection, keys: Sequence[Key]) -> Iterator[dict[Key, StoredRow]]:
        """The rows with those keys, some at a time."""
        row, key_of = self.format.row, self.format.key_of
        for part in parts(keys):
            values = tuple(chain.from_iterable(map(self.format.key_bindings, part)))
            read = map(row, connection.execute(self._load(len(part)), values).fetchall())
            yield {key_of(found.values): found for found in read}

    def write(self, connection: apsw.Connection, shard: int, changes: Iterable[RowChange]) -> Iterator[None]:
        """Apply *changes*, some at a time; the transaction is the caller's. Raises InputError for an unfit value."""
        last = {change.key: change for change in changes}.values()
        gone = [(change.key,) for change in last if change.values is None]
        kept = [(change.values, shard, change.position) for change in last if change.values is not None]
        yield from self._run(connection, self._delete, gone, self.format.key_bindings)
        yield from self._run(connection, self._upsert, kept, self.format.bindings)

    def _run(
        self,
        connection: apsw.Connection,
        sql: Callable[[int], str],
        items: Sequence[tuple[Any, ...]],
        bind: Callable[..., tuple[Any, ...]],
    ) -> Iterator[None]:
        for part in parts(items, self._most):
            try:
                connection.execute(sql(len(part)), tuple(chain.from_iterable(starmap(bind, part)))).fetchall()
            except (ArithmeticError, ValueError, TypeError, apsw.ConstraintError) as error:
                raise InputError(f"{self.generation.view} has a row that cannot be stored: {error}") from error
            yield


def parts(items: Sequence[T], most: int = ROWS_AT_ONCE[0]) -> Iterator[Sequence[T]]:
    """*items* in pieces of a few fixed sizes, so that every statement is prepared once."""
    start = 0
    for size in ROWS_AT_ONCE:
        while size <= most and len(items) - start >= size:
            yield items[start : start + size]
            start += size
