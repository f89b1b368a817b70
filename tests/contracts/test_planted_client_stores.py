"""View stores that hand out their client with a planted bug each: the contract has to notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.contracts.test_client_transactions import CREATE, SqliteBackend
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.event_store.recorded_event import Mark
from twofold.read.view_store import Checkpoint, Generation
from twofold.testing.contracts.client_transactions import SECOND, ClientTransactionsContract
from twofold.testing.contracts.view_store.tables import START


class MovesTheCheckpointFirst(SqliteViewStore):
    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        await self.save(generation, shard, (), expected, reached)
        async with self._file.transaction() as connection:
            yield connection


class MovesTheCheckpointLast(SqliteViewStore):
    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        async with self._file.transaction() as connection:
            yield connection
        await self.save(generation, shard, (), expected, reached)


class CommitsWhatFailed(SqliteViewStore):
    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        failed: Exception | None = None
        async with super().transaction(generation, shard, expected, reached) as connection:
            try:
                yield connection
            except Exception as error:  # noqa: BLE001 - the bug
                failed = error
        if failed is not None:
            raise failed


class ChangesTheError(SqliteViewStore):
    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        try:
            async with super().transaction(generation, shard, expected, reached) as connection:
                yield connection
        except apsw.Error as error:
            raise RuntimeError("something went wrong") from error


class TakesAnyPlace(SqliteViewStore):
    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        now = await self.checkpoint(generation, shard)
        async with super().transaction(generation, shard, now.mark, reached) as connection:
            yield connection


class CommitsTheCancelled(SqliteViewStore):
    @asynccontextmanager
    async def transaction(
        self, generation: Generation, shard: int, expected: Mark, reached: Checkpoint
    ) -> AsyncIterator[apsw.Connection]:
        async with super().transaction(generation, shard, expected, reached) as connection:
            try:
                yield connection
            finally:
                connection.execute("COMMIT")
                connection.execute("BEGIN")


Check = Callable[[Any], Awaitable[None]]
SUITE = ClientTransactionsContract()
PLANTED: list[tuple[type[SqliteViewStore], Check]] = [
    (MovesTheCheckpointFirst, SUITE.test_an_exception_rolls_both_back_and_comes_out_as_it_is),
    (MovesTheCheckpointFirst, SUITE.test_nothing_is_seen_before_leaving),
    (MovesTheCheckpointLast, SUITE.test_only_one_of_several_from_one_place_wins),
    (CommitsWhatFailed, SUITE.test_an_exception_rolls_both_back_and_comes_out_as_it_is),
    (ChangesTheError, SUITE.test_an_error_of_the_client_rolls_both_back_and_comes_out_as_it_is),
    (
        TakesAnyPlace,
        lambda backend: SUITE.test_whoever_is_elsewhere_or_was_replaced_gets_no_client(backend, START, SECOND),
    ),
    (CommitsTheCancelled, SUITE.test_a_cancellation_rolls_both_back),
]


async def found_on(store: type[SqliteViewStore], path: Path, check: Check) -> None:
    opened = await store.open(str(path))
    connection = apsw.Connection(str(path))
    connection.execute(CREATE)
    connection.close()
    try:
        await check(SqliteBackend(opened, str(path)))
    finally:
        await opened.close()


@pytest.mark.parametrize(
    ("store", "check"), PLANTED, ids=[f"{number}-{each[0].__name__}" for number, each in enumerate(PLANTED)]
)
async def test_planted_bug_is_found(store: type[SqliteViewStore], check: Check, tmp_path: Path) -> None:
    await found_on(SqliteViewStore, tmp_path / "right.db", check)

    with pytest.raises((AssertionError, pytest.fail.Exception, RuntimeError)):
        await found_on(store, tmp_path / "wrong.db", check)
