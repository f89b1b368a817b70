"""State-stored handlers: the team's own tables, its events and the outcome in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from twofold.errors import MisuseError, Rejected, StoreUnavailableError, VersionConflictError
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.store import Transaction, Transactions
from twofold.event_store.stream import stream_name
from twofold.event_store.write import ANY_VERSION, Conflicted, Replayed, StreamWrite, Write, WriteResult
from twofold.pipeline.context import Context
from twofold.write.aggregate import joined_key
from twofold.write.command_bus import holding_the_writer
from twofold.write.deciding import Desk, encode_events, outcome_of
from twofold.write.receipt import Receipt

UnitHandler = Callable[[Any, "UnitOfWork"], Awaitable[None]]


class UnitOfWork:
    """What a state-stored handler works with: a connection to the write database, in a transaction, and `publish`.

    `connection` is an apsw.Connection on SQLite, an asyncpg.Connection on PostgreSQL; for SQLAlchemy there, see
    `twofold.adapters.postgres.sqlalchemy`. Leaving the handler commits all of it; raising rolls all back.
    """

    def __init__(self, transaction: Transaction, desk: Desk) -> None:
        self.connection: Any = transaction.connection
        self._desk = desk
        self._new: dict[str, list[NewEvent]] = {}

    def publish(self, category: str, key: Any, *events: Any) -> None:
        """Append *events* to the stream `category-key` when the handler is done; they are buffered until then.

        Raises MisuseError for an invalid event or a category with a dash, InvalidMessageError for an invalid key.
        """
        if "-" in category or not category:
            raise MisuseError(f"{category!r} is no category: at least one character and no dash")
        stream = stream_name(category, joined_key(key) if isinstance(key, tuple) else str(key))
        if events:
            encoded = encode_events(events, self._desk.events, self._desk.ids)
            self._new.setdefault(stream, []).extend(event for event, _ in encoded)

    def parts(self) -> tuple[StreamWrite, ...]:
        """What was published, by stream."""
        return tuple(StreamWrite(stream, ANY_VERSION, tuple(events)) for stream, events in self._new.items())


class _Replay(Exception):  # noqa: N818 - not an error: it takes the transaction back
    def __init__(self, result: Replayed) -> None:
        self.result = result


def in_unit_of_work(
    handler: UnitHandler, name: str, transactions: Transactions, desk: Desk, seconds: float
) -> Callable[[Any, Context], Awaitable[Receipt]]:
    """The endpoint of a command whose handler changes tables. It may take *seconds*, and on SQLite holds the writer."""

    async def attempt(command: Any, context: Context) -> Receipt:
        if context.expected_version is not None:
            raise MisuseError(f"{name} is state-stored and takes no expected version")
        first = await desk.answering.first(context)
        if first is not None:
            return await desk.answering.replayed(first, context)
        context.message_id = context.message_id or desk.ids.next()
        try:
            parts, result = await _run(
                handler, command, name, context, transactions=transactions, desk=desk, seconds=seconds
            )
        except Rejected as rejection:
            return await _record(rejection, name, context, desk)
        except _Replay as replay:
            return await desk.answering.replayed(replay.result.first, context)
        for part in parts:
            held = desk.states.get(part.stream)
            if held is not None:
                desk.states.discard(held)
        outcome = outcome_of(context, name, context.message_id, None, 0, None)
        return await desk.answering.answer(result, outcome, parts, None, context)

    return attempt


async def _run(
    handler: UnitHandler,
    command: Any,
    name: str,
    context: Context,
    *,
    transactions: Transactions,
    desk: Desk,
    seconds: float,
) -> tuple[tuple[StreamWrite, ...], WriteResult]:
    async with transactions.begin(seconds) as transaction:
        work = UnitOfWork(transaction, desk)
        token = holding_the_writer.set(True)
        try:
            async with asyncio.timeout(seconds) as limit:
                await handler(command, work)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StoreUnavailableError(
                f"{name} took more than {seconds:g} s (unit_of_work); it was rolled back"
            ) from error
        finally:
            holding_the_writer.reset(token)
        parts = work.parts()
        outcome = outcome_of(context, name, context.message_id or b"", None, 0, None)
        write = Write(parts, outcome, outcome.message_id, outcome.correlation_id, outcome.origin)
        result = await transaction.append(write)
        if isinstance(result, Replayed):
            raise _Replay(result)
        if isinstance(result, Conflicted):
            raise VersionConflictError(result.stream, result.expected, result.actual)
        return parts, result


async def _record(rejection: Rejected, name: str, context: Context, desk: Desk) -> Receipt:
    """Record the refusal, after the handler's changes were rolled back, and raise it."""
    outcome = outcome_of(context, name, context.message_id or desk.ids.next(), None, 0, rejection)
    result = await desk.committer.submit((), outcome, (), outcome.origin)
    return await desk.answering.answer(result, outcome, (), rejection, context)
