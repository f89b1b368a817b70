"""View stores that hand out their client for reading with a planted bug each: the contract has to notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.contracts.test_client_transactions import CREATE, SqliteBackend
from twofold.adapters.sqlite.connection import rolled_back
from twofold.adapters.sqlite.view_store import SqliteViewStore
from twofold.testing.contracts import client_reads
from twofold.testing.contracts.client_reads import ClientReadsContract


class Planted(SqliteViewStore):
    def __init__(self, path: str, *, vfs: str | None = None) -> None:
        super().__init__(path, vfs=vfs)
        self.reading = self.planted

    @asynccontextmanager
    async def planted(self) -> AsyncIterator[apsw.Connection]:
        yield self._file.reader


class ReadsOfManyMoments(Planted):
    @asynccontextmanager
    async def planted(self) -> AsyncIterator[apsw.Connection]:
        async with self._file.lent.reading() as connection:
            connection.execute("ROLLBACK")
            yield connection


class TakesItsMomentLate(Planted):
    @asynccontextmanager
    async def planted(self) -> AsyncIterator[apsw.Connection]:
        async with self._file.lent.reading() as connection:
            connection.execute("ROLLBACK; BEGIN")
            yield connection


class LetsItWrite(Planted):
    @asynccontextmanager
    async def planted(self) -> AsyncIterator[apsw.Connection]:
        async with self._file.lent.reading() as connection:
            connection.pragma("query_only", 0)
            yield connection


class LeavesItsTransactionOpen(Planted):
    @asynccontextmanager
    async def planted(self) -> AsyncIterator[apsw.Connection]:
        connection = self._file.reader
        connection.execute("BEGIN")
        yield connection
        rolled_back(connection)


class LendsWhatRowsAreReadWith(Planted):
    @asynccontextmanager
    async def planted(self) -> AsyncIterator[apsw.Connection]:
        async with self._file._reader() as connection:
            yield connection


Check = Callable[[Any], Awaitable[None]]
SUITE = ClientReadsContract()
PLANTED: list[tuple[type[SqliteViewStore], Check]] = [
    (ReadsOfManyMoments, SUITE.test_whatever_it_reads_is_of_one_moment),
    (TakesItsMomentLate, SUITE.test_several_read_at_the_same_time),
    (LetsItWrite, SUITE.test_what_it_is_told_to_write_fails),
    (LeavesItsTransactionOpen, SUITE.test_its_errors_come_as_they_are_and_the_next_one_reads),
    (LendsWhatRowsAreReadWith, SUITE.test_who_holds_one_may_read_rows_however_many_want_one),
    (LendsWhatRowsAreReadWith, SUITE.test_what_it_is_told_to_write_fails),
]


async def found_on(store: type[SqliteViewStore], path: Path, check: Check) -> None:
    opened = await store.open(str(path))
    connection = apsw.Connection(str(path))
    connection.execute(CREATE)
    connection.close()
    await check(SqliteBackend(opened, str(path)))


@pytest.mark.parametrize(("store", "check"), PLANTED)
async def test_the_contract_notices(
    store: type[SqliteViewStore], check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_reads, "PATIENCE", 0.3)
    await found_on(SqliteViewStore, tmp_path / "right.db", check)

    with pytest.raises((AssertionError, TimeoutError, apsw.Error, pytest.fail.Exception)):
        await found_on(store, tmp_path / "wrong.db", check)
