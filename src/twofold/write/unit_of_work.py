"""State-stored handlers: the team's own tables, its events and the outcome in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from twofold.errors import InputError, MisuseError, Rejected, StoreUnavailableError, VersionConflictError
from twofold.event_store.outcome import Outcome
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.store import Transaction, Transactions
from twofold.event_store.stream import stream_name
from twofold.event_store.write import ANY_VERSION, Conflicted, Replayed, StreamWrite, Write, WriteResult
from twofold.pipeline.context import Context
from twofold.write.aggregate import joined_key
from twofold.write.command_bus import unit_under_way
from twofold.write.deciding import Desk, encode_events, outcome_of
from twofold.write.receipt import Receipt

UnitHandler = Callable[[Any, "UnitOfWork"], Awaitable[None]]


class UnitOfWork:
    """What a state-stored handler works with: a connection to the write database, in a transaction, and `publish`.

    `connection` is an apsw.Connection on SQLite, an asyncpg.Connection on PostgreSQL; for SQLAlchemy there, see
    `twofold.adapters.postgres.sqlalchemy`. Leaving the handler commits all of it; raising rolls all back.
    """

    def __init__(self, transaction: Transaction, desk: Desk, name: str, declared: tuple[type, ...]) -> None:
        self._transaction = transaction
        self._desk = desk
        self._name = name
        self._declared = declared
        self._new: dict[str, list[NewEvent]] = {}
        self.ended = asyncio.Event()

    @property
    def connection(self) -> Any:
        """The database's own connection. Raises MisuseError when the handler has ended."""
        self._refuse_late()
        return self._transaction.connection

    def publish(self, category: str, key: Any, *events: Any) -> None:
        """Append *events* to the stream `category-key` when the handler is done; they are buffered until then.

        Raises:
            MisuseError: the event is invalid or one that `@handles(...)` does not declare although it declares some,
                the category has a dash, or the handler has ended.
            InvalidMessageError: the key cannot name a stream.
        """
        self._refuse_late()
        self._refuse_undeclared(events)
        if "-" in category or not category:
            raise MisuseError(f"{category!r} is no category: at least one character and no dash")
        stream = stream_name(category, joined_key(key) if isinstance(key, tuple) else str(key))
        if events:
            encoded = encode_events(events, self._desk.events, self._desk.ids)
            self._new.setdefault(stream, []).extend(event for event, _ in encoded)

    def _refuse_late(self) -> None:
        if self.ended.is_set():
            raise MisuseError(f"the unit of work of {self._name} has ended: finish with it before the handler returns")

    def _refuse_undeclared(self, events: tuple[Any, ...]) -> None:
        """Readers of one category are told apart by what is declared: an event of another would never reach them."""
        for event in events if self._declared else ():
            if type(event) not in self._declared:
                names = ", ".join(each.__name__ for each in (*self._declared, type(event)))
                raise MisuseError(
                    f"{self._name} publishes {type(event).__name__}, which its handler does not declare: write "
                    f"@handles({names})"
                )

    def parts(self) -> tuple[StreamWrite, ...]:
        """What was published, by stream."""
        return tuple(StreamWrite(stream, ANY_VERSION, tuple(events)) for stream, events in self._new.items())


class _Replay(Exception):  # noqa: N818 - not an error: it takes the transaction back
    def __init__(self, result: Replayed) -> None:
        self.result = result


class StateStored:
    """The endpoint of a command whose handler changes tables.

    It may take *seconds*, and on SQLite holds the writer for them. It publishes *declared* events and no others, if
    there are any.
    """

    def __init__(
        self,
        handler: UnitHandler,
        name: str,
        transactions: Transactions,
        desk: Desk,
        seconds: float,
        declared: tuple[type, ...] = (),
    ) -> None:
        self._handler = handler
        self._name = name
        self._transactions = transactions
        self._desk = desk
        self._seconds = seconds
        self._declared = declared

    async def __call__(self, command: Any, context: Context) -> Receipt:
        """Run the handler once, and answer. Raises InputError when the caller expects a version."""
        answering = self._desk.answering
        first = await answering.first(context)
        if first is not None:
            return await answering.replayed(first, context)
        if context.expected_version is not None:
            raise InputError(f"{self._name} is state-stored and takes no expected version")
        context.message_id = context.message_id or self._desk.ids.next()
        try:
            parts, result = await self._attempt(command, context)
        except Rejected as rejection:
            return await self._record(rejection, context)
        except _Replay as replay:
            return await answering.replayed(replay.result.first, context)
        for part in parts:
            held = self._desk.states.get(part.stream)
            if held is not None:
                self._desk.states.discard(held)
        return await answering.answer(result, self._outcome(context), parts, None, context)

    async def _attempt(self, command: Any, context: Context) -> tuple[tuple[StreamWrite, ...], WriteResult]:
        async with self._transactions.begin(self._seconds) as transaction:
            work = UnitOfWork(transaction, self._desk, self._name, self._declared)
            token = unit_under_way.set(work.ended)
            try:
                await self._in_time(command, work)
            finally:
                work.ended.set()
                unit_under_way.reset(token)
            parts, outcome = work.parts(), self._outcome(context)
            write = Write(parts, outcome, outcome.message_id, outcome.correlation_id, outcome.origin)
            result = await transaction.append(write)
            if isinstance(result, Replayed):
                raise _Replay(result)
            if isinstance(result, Conflicted):
                raise VersionConflictError(result.stream, result.expected, result.actual)
            return parts, result

    async def _in_time(self, command: Any, work: UnitOfWork) -> None:
        try:
            async with asyncio.timeout(self._seconds) as limit:
                await self._handler(command, work)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StoreUnavailableError(
                f"{self._name} took more than {self._seconds:g} s (unit_of_work); it was rolled back"
            ) from error

    async def _record(self, rejection: Rejected, context: Context) -> Receipt:
        """Record the refusal, after the handler's changes were rolled back, and raise it."""
        outcome = self._outcome(context, rejection)
        result = await self._desk.committer.submit((), outcome, (), outcome.origin)
        return await self._desk.answering.answer(result, outcome, (), rejection, context)

    def _outcome(self, context: Context, rejection: Rejected | None = None) -> Outcome:
        message_id = context.message_id or self._desk.ids.next()
        return outcome_of(context, self._name, message_id, None, 0, rejection)
