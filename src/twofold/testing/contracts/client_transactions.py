"""The contract of ClientTransactions: what is done through a store's own client commits with the checkpoint."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from twofold.errors import LeaseLostError
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Checkpoint, ClientTransactions, Generation, Kind, RowChange, ViewStore
from twofold.testing.contracts.view_store.tables import EPOCH, START, fill, mark, new_table

FIRST, SECOND = Checkpoint(mark(1), 1), Checkpoint(mark(2), 1)


class OutOfStockError(Exception):
    """Raised inside a transaction."""


class ClientStore(ViewStore, ClientTransactions, Protocol):
    """A view store that hands out its own client."""


class ClientBackend(Protocol):
    """Such a store with a table `notes` of the team's own, and what its client is used like.

    Attributes:
        error: what the client raises for a statement that makes no sense.
    """

    error: type[Exception]

    @property
    def store(self) -> ClientStore:
        """The store."""

    async def write(self, client: Any, note: str) -> None:
        """Add a note through *client*."""

    async def blunder(self, client: Any) -> None:
        """Give *client* a statement that makes no sense."""

    async def notes(self) -> list[str]:
        """The notes as anybody else sees them, in the order of the alphabet."""


class WhetherClientTransactionsContract:
    """A view store hands out its own client exactly if it has one."""

    async def test_a_store_has_the_method_or_has_not(self, view_store: ViewStore) -> None:
        generation = await view_store.open_generation(new_table({}, key=()), EPOCH)
        if not isinstance(view_store, ClientTransactions):
            assert not hasattr(view_store, "transaction")
            return

        async with view_store.transaction(generation, 0, START, FIRST) as client:
            assert client is not None

        assert await view_store.checkpoint(generation, 0) == FIRST


class ClientTransactionsContract:
    """Leaving a transaction normally commits what the client did and the checkpoint; anything else, neither."""

    async def test_leaving_normally_commits_both(self, client_backend: ClientBackend) -> None:
        store, generation = client_backend.store, await opened(client_backend)

        async with store.transaction(generation, 0, START, FIRST) as client:
            await client_backend.write(client, "kept")

        assert await client_backend.notes() == ["kept"]
        assert await store.checkpoint(generation, 0) == FIRST

    async def test_nothing_is_seen_before_leaving(self, client_backend: ClientBackend) -> None:
        store, generation = client_backend.store, await opened(client_backend)

        async with store.transaction(generation, 0, START, FIRST) as client:
            await client_backend.write(client, "kept")

            assert await client_backend.notes() == []
            assert (await store.checkpoint(generation, 0)).mark == START

    async def test_an_exception_rolls_both_back_and_comes_out_as_it_is(self, client_backend: ClientBackend) -> None:
        store, generation = client_backend.store, await opened(client_backend)

        async def work() -> None:
            async with store.transaction(generation, 0, START, FIRST) as client:
                await client_backend.write(client, "lost")
                raise OutOfStockError

        with pytest.raises(OutOfStockError):
            await work()

        await is_untouched(client_backend, generation)

    async def test_an_error_of_the_client_rolls_both_back_and_comes_out_as_it_is(
        self, client_backend: ClientBackend
    ) -> None:
        store, generation = client_backend.store, await opened(client_backend)

        async def work() -> None:
            async with store.transaction(generation, 0, START, FIRST) as client:
                await client_backend.write(client, "lost")
                await client_backend.blunder(client)

        with pytest.raises(client_backend.error):
            await work()

        await is_untouched(client_backend, generation)

    async def test_a_cancellation_rolls_both_back(self, client_backend: ClientBackend) -> None:
        store, generation = client_backend.store, await opened(client_backend)
        written = asyncio.Event()

        async def work() -> None:
            async with store.transaction(generation, 0, START, FIRST) as client:
                await client_backend.write(client, "lost")
                written.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await is_untouched(client_backend, generation)

    @pytest.mark.parametrize(
        ("expected", "reached"),
        [
            (START, SECOND),
            (mark(2), SECOND),
            (Mark("epoch-2", 1, mark(1).check), SECOND),
            (Mark(EPOCH, 1, b"another!"), SECOND),
            (mark(1), Checkpoint(mark(2), 0)),
        ],
        ids=["behind", "ahead", "epoch", "check", "fence"],
    )
    async def test_whoever_is_elsewhere_or_was_replaced_gets_no_client(
        self, client_backend: ClientBackend, expected: Mark, reached: Checkpoint
    ) -> None:
        store, generation = client_backend.store, await opened(client_backend)
        await store.save(generation, 0, (), START, FIRST)

        with pytest.raises(LeaseLostError):
            async with store.transaction(generation, 0, expected, reached) as client:
                await client_backend.write(client, "refused")

        assert await client_backend.notes() == []
        assert await store.checkpoint(generation, 0) == FIRST

    async def test_only_one_of_several_from_one_place_wins(self, client_backend: ClientBackend) -> None:
        store, generation = client_backend.store, await opened(client_backend)

        async def work(number: int) -> None:
            async with store.transaction(generation, 0, START, Checkpoint(mark(number), 0)) as client:
                await client_backend.write(client, f"{number}")

        results = await asyncio.gather(*map(work, range(1, 6)), return_exceptions=True)

        winners = [number for number, result in enumerate(results, 1) if result is None]
        assert len(winners) == 1
        assert await client_backend.notes() == [f"{winners[0]}"]
        assert (await store.checkpoint(generation, 0)).mark == mark(winners[0])
        assert all(isinstance(result, LeaseLostError) for result in results if result is not None)

    async def test_transactions_and_saves_follow_each_other(self, client_backend: ClientBackend) -> None:
        store = client_backend.store
        filled = await fill(store, new_table({"count": Kind.INTEGER}), [{"id": "a", "count": 1}])

        async with store.transaction(filled.generation, 0, mark(1), SECOND) as client:
            await client_backend.write(client, "between")
        change = RowChange(("a",), {"id": "a", "count": 2}, 3)
        await store.save(filled.generation, 0, [change], mark(2), Checkpoint(mark(3), 1))

        assert (await filled.values(("a",)))["count"] == 2
        assert await client_backend.notes() == ["between"]


async def opened(backend: ClientBackend) -> Generation:
    """A generation that has no rows."""
    return await backend.store.open_generation(new_table({}, key=()), EPOCH)


async def is_untouched(backend: ClientBackend, generation: Generation) -> None:
    """Nothing was kept, and the store works."""
    assert await backend.notes() == []
    assert (await backend.store.checkpoint(generation, 0)).mark == START
    await backend.store.save(generation, 0, (), START, FIRST)
