"""The contract of LookupRows: rows that a view looks up while it folds, beside its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from twofold.errors import LeaseLostError, TwofoldError
from twofold.read.generations import Generations
from twofold.read.view_store import (
    Checkpoint,
    Condition,
    Generation,
    Kind,
    LookupRows,
    RowChange,
    Search,
    ViewStore,
    ViewTable,
)
from twofold.testing.contracts.view_store.tables import EPOCH, START, mark, new_table

PAIR = {"author": Kind.TEXT, "follower": Kind.TEXT, "since": Kind.INTEGER, "lines": Kind.JSON}


class Shelf:
    """A store with a view of counters that looks up who follows whom."""

    def __init__(self, store: Any) -> None:
        self.store: ViewStore = store
        self.rows: LookupRows = store
        self.copies: Generations = store
        table = new_table({"count": Kind.INTEGER})
        pairs = new_table(PAIR, key=("author", "follower"), index=(("follower",),))
        self.pairs = pairs._replace(view=f"{table.view}.Follower")
        self.table = table._replace(lookups=(self.pairs,))
        self.generation: Generation

    async def opened(self) -> Shelf:
        """Make the view."""
        self.generation = await self.store.open_generation(self.table, EPOCH)
        return self

    def own(self, key: str, count: int = 1, position: int = 1) -> RowChange:
        """A row of the view itself."""
        return RowChange((key,), {"id": key, "count": count}, position)

    def pair(
        self, author: str, follower: str, since: int | None = None, position: int = 1, lines: Any = None
    ) -> RowChange:
        """A row of the lookup."""
        values = {"author": author, "follower": follower, "since": since, "lines": lines}
        return RowChange((author, follower), values, position, self.pairs.view)

    async def save(self, *changes: RowChange, to: int, of: Generation | None = None) -> None:
        """Save and move the checkpoint."""
        generation = of or self.generation
        at = (await self.store.checkpoint(generation, 0)).mark
        await self.store.save(generation, 0, changes, at, Checkpoint(mark(to), 0))

    async def followers(self, *conditions: Condition, of: Generation | None = None, **search: Any) -> list[str]:
        """Who follows, of the rows of the lookup that match."""
        asked = Search(conditions, **search)
        rows = await self.rows.find_lookup(of or self.generation, self.pairs, asked)
        return [row.values["follower"] for row in rows]

    async def keys(self, table: ViewTable | None = None) -> Sequence[Any]:
        """The keys of the view's own rows."""
        found = await self.store.find(table or self.table, Search())
        return [row.values["id"] for row in found.rows]


class LookupRowsContract:
    """Rows of lookups are saved with the view's own, all or nothing, and belong to one generation."""

    async def test_rows_of_a_lookup_are_saved_with_those_of_the_view(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()

        await shelf.save(shelf.own("a"), shelf.pair("ada", "bob", 7, position=3), to=3)

        found = await shelf.rows.load_lookup(shelf.generation, shelf.pairs, [("ada", "bob"), ("ada", "eve")])
        assert {key: (row.values["since"], row.position) for key, row in found.items()} == {("ada", "bob"): (7, 3)}
        assert await shelf.keys() == ["a"]
        assert (await view_store.checkpoint(shelf.generation, 0)).mark == mark(3)

    async def test_rows_of_a_lookup_are_found_by_their_fields_in_order(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()
        pairs = [shelf.pair("ada", "bob"), shelf.pair("ada", "al"), shelf.pair("eve", "bob", 4)]

        await shelf.save(*pairs, to=2)

        assert await shelf.followers(Condition("author", "eq", "ada")) == ["al", "bob"]
        assert await shelf.followers(Condition("since", "eq", 4)) == ["bob"]
        assert await shelf.followers(Condition("since", "eq", None)) == ["al", "bob"]
        assert await shelf.followers(Condition("author", "eq", "ada"), limit=1) == ["al"]

    async def test_rows_of_a_lookup_are_changed_and_deleted(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()
        await shelf.save(shelf.pair("ada", "bob"), shelf.pair("ada", "eve"), to=2)

        gone = RowChange(("ada", "bob"), None, 3, shelf.pairs.view)
        await shelf.save(gone, shelf.pair("ada", "eve", 9, position=3), to=3)

        assert await shelf.followers() == ["eve"]
        assert await shelf.followers(Condition("since", "eq", 9)) == ["eve"]

    async def test_no_row_of_a_lookup_is_kept_without_the_checkpoint(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()
        await shelf.save(shelf.own("a"), to=2)

        with pytest.raises(LeaseLostError):
            await view_store.save(
                shelf.generation, 0, [shelf.own("b"), shelf.pair("ada", "bob")], START, Checkpoint(mark(3), 0)
            )

        assert await shelf.followers() == []
        assert await shelf.keys() == ["a"]

    async def test_nothing_is_kept_when_a_row_of_a_lookup_cannot_be(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()
        unfit = shelf.pair("ada", "bob", lines=object())

        with pytest.raises(Exception, match=r".+"):
            await shelf.save(shelf.own("a"), unfit, to=2)

        assert await shelf.keys() == []
        assert (await view_store.checkpoint(shelf.generation, 0)).mark == START

    async def test_each_generation_has_rows_of_its_own(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()
        await shelf.save(shelf.pair("ada", "bob"), to=2)
        made = await shelf.copies.build(shelf.table._replace(fingerprint="fingerprint-2"), EPOCH)

        await shelf.save(shelf.pair("ada", "eve"), to=2, of=made)

        assert await shelf.followers() == ["bob"]
        assert await shelf.followers(of=made) == ["eve"]

    async def test_a_dropped_generation_takes_its_lookups_with_it(self, view_store: ViewStore) -> None:
        shelf = await Shelf(view_store).opened()
        changed = shelf.table._replace(fingerprint="fingerprint-2")
        made = await shelf.copies.build(changed, EPOCH)
        await shelf.save(shelf.pair("ada", "eve"), to=2, of=made)
        await shelf.copies.promote(made)

        await shelf.copies.drop(shelf.generation)

        with pytest.raises(TwofoldError):
            await shelf.followers()
        assert await shelf.followers(of=made) == ["eve"]
        assert await shelf.keys(changed) == []
