"""The contract of Transactions: units of work that share a commit with the log."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from twofold.errors import StoreUnavailableError
from twofold.event_store.store import Log, Transactions
from twofold.event_store.write import Appended, Conflicted, Replayed, Write
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import append, append_to, new_id, new_stream, outcome, part, write

SOON = 5.0


class OutOfStockError(Exception):
    """Raised inside a unit of work."""


async def append_in_vain(transactions: Transactions, given: Write) -> None:
    """Append in a unit of work that fails afterwards."""
    async with transactions.begin(SOON) as transaction:
        assert isinstance(await transaction.append(given), Appended)
        raise OutOfStockError


class WhetherTransactionsContract:
    """A log has units of work exactly if it says so."""

    async def test_a_log_has_transactions_when_it_says_so(self, log: Log, log_backend: LogBackend) -> None:
        assert (log.transactions is not None) is log_backend.capabilities.transactions


class TransactionContract:
    """Events, outcome and the caller's changes commit together or not at all. Needs a log with transactions."""

    async def test_what_was_appended_is_there_after_leaving(self, log: Log, transactions: Transactions) -> None:
        stream, given = new_stream(), outcome(key=new_id().hex())

        async with transactions.begin(SOON) as transaction:
            result = await transaction.append(write(part(stream, 0, 2), outcome=given))

        assert isinstance(result, Appended)
        stored = await log.events.read_stream(stream)
        assert [at.position for at in stored] == [result.first, result.position]
        assert await log.outcomes.by_id(given.message_id) is not None

    async def test_nothing_is_seen_before_leaving(self, log: Log, transactions: Transactions) -> None:
        stream = new_stream()

        async with transactions.begin(SOON) as transaction:
            await transaction.append(write(part(stream, 0)))

            assert await log.events.read_stream(stream) == []
            assert (await log.events.mark()).position == 0

    async def test_an_exception_rolls_everything_back(self, log: Log, transactions: Transactions) -> None:
        stream, given = new_stream(), outcome()

        with pytest.raises(OutOfStockError):
            await append_in_vain(transactions, write(part(stream, 0, kind="NeverHeardOf"), outcome=given))

        assert (await log.events.read_log(0)).events == []
        assert await log.outcomes.by_id(given.message_id) is None

    async def test_what_was_rolled_back_can_be_written_again(self, log: Log, transactions: Transactions) -> None:
        stream = new_stream()
        given = write(part(stream, 0, 2, kind="NeverHeardOf"), outcome=outcome())
        with pytest.raises(OutOfStockError):
            await append_in_vain(transactions, given)

        await append(log.events, given)

        assert [(at.version, at.type) for at in await log.events.read_stream(stream)] == [
            (1, "NeverHeardOf"),
            (2, "NeverHeardOf"),
        ]

    async def test_a_later_append_sees_an_earlier_one(self, log: Log, transactions: Transactions) -> None:
        stream = new_stream()

        async with transactions.begin(SOON) as transaction:
            await transaction.append(write(part(stream, 0, 2)))
            second = await transaction.append(write(part(stream, 2, 1)))

        assert isinstance(second, Appended)
        assert len(await log.events.read_stream(stream)) == 3

    async def test_a_conflict_stores_nothing_and_leaves_the_transaction_usable(
        self, log: Log, transactions: Transactions
    ) -> None:
        stream, other = new_stream(), new_stream()
        await append_to(log.events, stream, 2)

        async with transactions.begin(SOON) as transaction:
            conflict = await transaction.append(write(part(stream, 0)))
            await transaction.append(write(part(other, 0)))

        assert conflict == Conflicted(stream, 0, 2)
        assert len(await log.events.read_stream(other)) == 1

    async def test_a_known_key_or_message_id_is_replayed(self, log: Log, transactions: Transactions) -> None:
        given = outcome(key=new_id().hex())
        await append(log.events, write(outcome=given))

        async with transactions.begin(SOON) as transaction:
            by_key = await transaction.append(write(outcome=outcome(key=given.key)))
            by_id = await transaction.append(write(outcome=outcome(message_id=given.message_id)))

        assert isinstance(by_key, Replayed)
        assert by_key == by_id

    async def test_a_commit_wakes_whoever_waits_for_the_log(self, log: Log, transactions: Transactions) -> None:
        waiting = asyncio.ensure_future(log.events.wait(0, SOON))

        async with transactions.begin(SOON) as transaction:
            await transaction.append(write(part(new_stream(), 0)))

        assert await waiting

    async def test_a_cancelled_unit_of_work_is_rolled_back(self, log: Log, transactions: Transactions) -> None:
        stream, inside = new_stream(), asyncio.Event()

        async def work() -> None:
            async with transactions.begin(SOON) as transaction:
                await transaction.append(write(part(stream, 0)))
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await log.events.read_stream(stream) == []
        await append_to(log.events, stream, 1)


class OneWriterContract:
    """A log with one writer: a unit of work has it from the beginning."""

    async def test_an_append_from_outside_waits_for_the_unit_of_work(
        self, log: Log, transactions: Transactions
    ) -> None:
        stream = new_stream()

        async with transactions.begin(SOON) as transaction:
            outside = asyncio.ensure_future(log.events.append([write(part(stream, 0, 3))]))
            await transaction.append(write(part(stream, 0)))
            await asyncio.sleep(0)
            assert not outside.done()

        assert await outside == [Conflicted(stream, 0, 1)]

    async def test_units_of_work_come_one_after_another(self, log: Log, transactions: Transactions) -> None:
        stream = new_stream()

        async def one_more() -> None:
            async with transactions.begin(SOON) as transaction:
                before = len(await log.events.read_stream(stream))
                await asyncio.sleep(0)
                assert isinstance(await transaction.append(write(part(stream, before))), Appended)

        await asyncio.gather(*[one_more() for _ in range(5)])

        assert len(await log.events.read_stream(stream)) == 5

    async def test_a_writer_that_is_not_to_be_had_in_time_is_said_so(self, transactions: Transactions) -> None:
        async with transactions.begin(SOON):
            with pytest.raises(StoreUnavailableError):
                async with transactions.begin(0.02):
                    pytest.fail("two held the writer at once")


class ConcurrentUnitsContract:
    """A log with many writers: units of work go on side by side, and wait for one another once one has appended."""

    async def test_units_of_work_go_on_side_by_side(self, transactions: Transactions) -> None:
        async with transactions.begin(SOON) as one, transactions.begin(SOON) as other:
            assert one.connection is not other.connection

    async def test_an_append_from_outside_does_not_wait_for_a_unit_that_has_not_appended(
        self, log: Log, transactions: Transactions
    ) -> None:
        stream = new_stream()

        async with transactions.begin(SOON) as transaction:
            await append_to(log.events, stream, 3)
            conflict = await transaction.append(write(part(stream, 0)))

        assert conflict == Conflicted(stream, 0, 3)

    async def test_an_append_from_outside_waits_once_the_unit_has_appended(
        self, log: Log, transactions: Transactions
    ) -> None:
        stream = new_stream()

        async with transactions.begin(SOON) as transaction:
            await transaction.append(write(part(stream, 0)))
            outside = asyncio.ensure_future(log.events.append([write(part(stream, 0, 3))]))
            assert await log.events.read_stream(stream) == []
            assert not outside.done()

        assert await outside == [Conflicted(stream, 0, 1)]

    async def test_a_unit_appends_behind_what_another_has_committed_meanwhile(
        self, log: Log, transactions: Transactions
    ) -> None:
        stream = new_stream()

        async with transactions.begin(SOON) as late:
            async with transactions.begin(SOON) as early:
                await early.append(write(part(stream, 0, 2)))
            second = await late.append(write(part(stream, 2)))

        assert isinstance(second, Appended)
        assert [at.version for at in (await log.events.read_log(0)).events] == [1, 2, 3]

    async def test_no_connection_in_time_is_said_so(self, transactions: Transactions) -> None:
        async with AsyncExitStack() as stack:
            with pytest.raises(StoreUnavailableError):
                await _begin(100, transactions, stack)


async def _begin(count: int, transactions: Transactions, stack: AsyncExitStack) -> None:
    for _ in range(count):
        await stack.enter_async_context(transactions.begin(0.02))
