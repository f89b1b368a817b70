"""The contract of ClientReads: a store's own client, for reading, on one snapshot."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from twofold.errors import ClosedError
from twofold.read.client_reads import ClientReads
from twofold.read.view_store import Checkpoint, ViewStore
from twofold.testing.contracts.client_transactions import ClientStore
from twofold.testing.contracts.view_store.tables import EPOCH, START, fill, mark, new_table

MANY = 40
PATIENCE = 30.0


class ReadingStore(ClientStore, ClientReads, Protocol):
    """A view store that hands out its client for both, and its end."""

    async def close(self) -> None:
        """Let go of files and connections."""


class ReadingBackend(Protocol):
    """Such a store with a table `notes` of the team's own, and what its client is used like.

    Attributes:
        error: what the client raises for a statement that makes no sense.
        refusal: what it raises for a write that it was not given for.
    """

    error: type[Exception]
    refusal: type[Exception]

    @property
    def store(self) -> ReadingStore:
        """The store, and its end: `close`."""

    async def write(self, client: Any, note: str) -> None:
        """Add a note through *client*."""

    async def blunder(self, client: Any) -> None:
        """Give *client* a statement that makes no sense."""

    async def seen_by(self, client: Any) -> list[str]:
        """The notes as *client* sees them, in the order of the alphabet."""

    async def notes(self) -> list[str]:
        """The notes as anybody else sees them, in the order of the alphabet."""


async def noted(backend: ReadingBackend, note: str) -> None:
    """Add a note and commit it."""
    generation = await backend.store.open_generation(new_table({}, key=()), EPOCH)
    async with backend.store.transaction(generation, 0, START, Checkpoint(mark(1), 1)) as client:
        await backend.write(client, note)


class WhetherClientReadsContract:
    """A view store hands out its own client for reading exactly if it has one."""

    async def test_a_store_has_a_client_to_read_with_or_has_not(self, view_store: ViewStore) -> None:
        if not isinstance(view_store, ClientReads):
            assert not hasattr(view_store, "reading")
            return

        async with view_store.reading() as client:
            assert isinstance(client, view_store.client)


class ClientReadsContract:
    """What the client reads is of one moment, and nothing is written."""

    async def test_it_reads_what_was_committed(self, client_backend: ReadingBackend) -> None:
        await noted(client_backend, "a")

        async with client_backend.store.reading() as client:
            assert await client_backend.seen_by(client) == ["a"]

    async def test_whatever_it_reads_is_of_one_moment(self, client_backend: ReadingBackend) -> None:
        await noted(client_backend, "a")

        async with client_backend.store.reading() as client:
            before = await client_backend.seen_by(client)
            await noted(client_backend, "b")
            after = await client_backend.seen_by(client)

        assert before == after == ["a"]
        async with client_backend.store.reading() as client:
            assert await client_backend.seen_by(client) == ["a", "b"]

    async def test_what_it_is_told_to_write_fails(self, client_backend: ReadingBackend) -> None:
        with pytest.raises(client_backend.refusal):
            async with client_backend.store.reading() as client:
                await client_backend.write(client, "b")

        assert await client_backend.notes() == []
        await noted(client_backend, "a")
        assert await client_backend.notes() == ["a"]

    async def test_its_errors_come_as_they_are_and_the_next_one_reads(self, client_backend: ReadingBackend) -> None:
        with pytest.raises(client_backend.error):
            async with client_backend.store.reading() as client:
                await client_backend.blunder(client)

        async with client_backend.store.reading() as client:
            assert await client_backend.seen_by(client) == []

    async def test_several_read_at_the_same_time(self, client_backend: ReadingBackend) -> None:
        await noted(client_backend, "a")

        async with client_backend.store.reading() as one:
            await noted(client_backend, "b")
            async with client_backend.store.reading() as other:
                assert await client_backend.seen_by(one) == ["a"]
                assert await client_backend.seen_by(other) == ["a", "b"]

    async def test_who_holds_one_may_read_rows_however_many_want_one(self, client_backend: ReadingBackend) -> None:
        filled = await fill(client_backend.store, new_table({}), [{"id": "a"}])

        async def read() -> int:
            async with client_backend.store.reading():
                await asyncio.sleep(0)  # the others come too
                return (await filled.store.count(filled.table, ())).count

        assert await asyncio.wait_for(asyncio.gather(*(read() for _ in range(MANY))), PATIENCE) == [1] * MANY

    async def test_a_closed_store_gives_none(self, client_backend: ReadingBackend) -> None:
        await client_backend.store.close()

        with pytest.raises(ClosedError):
            async with client_backend.store.reading():
                pass
