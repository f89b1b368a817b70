"""The rows of a database that are read for folding: a view's own, and those it looks up."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.adapters.postgres.database import Database
from twofold.adapters.postgres.view_generation import GenerationTable
from twofold.adapters.postgres.view_generations import Generations
from twofold.read.view_store import Generation, Key, Search, StoredRow, ViewTable


class FoldedRows:
    """Reads rows for folding."""

    def __init__(self, database: Database, generations: Generations) -> None:
        self._database, self._generations = database, generations

    async def load(self, generation: Generation, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """See ViewStore.load."""
        return await self._load(self._generations.used(generation), keys)

    async def load_lookup(self, generation: Generation, lookup: ViewTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """See LookupRows."""
        return await self._load(self._generations.used(generation, lookup.view), keys)

    async def find_lookup(self, generation: Generation, lookup: ViewTable, search: Search) -> list[StoredRow]:
        """See LookupRows."""
        table = self._generations.used(generation, lookup.view)
        sql, values = table.listed(search)
        return table.rows_of(await self._database.fetch(sql, *values))

    async def _load(self, table: GenerationTable, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        if not keys:
            return {}
        sql, values = table.load(keys)
        return table.loaded(await self._database.fetch(sql, *values))
