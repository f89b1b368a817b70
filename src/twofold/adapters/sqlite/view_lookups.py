"""The rows of an SQLite file that are read by whoever is about to write it: a view's own, and those it looks up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import apsw

from twofold.adapters.sql.view_search import render_find
from twofold.adapters.sqlite.view_file import ViewFile
from twofold.adapters.sqlite.view_generation import GenerationTable
from twofold.adapters.sqlite.view_generations import Generations
from twofold.adapters.sqlite.view_turns import Steps
from twofold.read.view_store import Generation, Key, Search, StoredRow, ViewTable

ROWS_A_STEP = 64


class FoldedRows:
    """Reads rows for folding."""

    def __init__(self, file: ViewFile, generations: Generations) -> None:
        self._file, self._generations = file, generations

    async def load(self, generation: Generation, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """See ViewStore.load."""
        return await self._load(self._generations.used(generation), keys)

    async def load_lookup(self, generation: Generation, lookup: ViewTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """See LookupRows."""
        return await self._load(self._generations.used(generation, lookup.view), keys)

    async def find_lookup(self, generation: Generation, lookup: ViewTable, search: Search) -> list[StoredRow]:
        """See LookupRows."""
        table = self._generations.used(generation, lookup.view)

        def steps(connection: apsw.Connection) -> Steps[list[StoredRow]]:
            rows: list[StoredRow] = []
            cursor = connection.execute(*render_find(table.rows, search))
            while read := list(islice(cursor, ROWS_A_STEP)):
                rows.extend(map(table.format.row, read))
                yield
            return rows

        return await self._file.read_latest(steps)

    async def _load(self, table: GenerationTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        def steps(connection: apsw.Connection) -> Steps[dict[Key, StoredRow]]:
            found: dict[Key, StoredRow] = {}
            for part in table.load(connection, keys):
                found.update(part)
                yield
            return found

        return await self._file.read_latest(steps)
