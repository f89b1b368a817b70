"""An open app: commands go in, answers come out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from twofold.app.command_status import CommandStatus, status_of
from twofold.app.health_check import HealthCheck
from twofold.app.measured.commands import Send
from twofold.app.metrics import Metrics
from twofold.app.reads import Reads
from twofold.config import Config
from twofold.errors import ClosedError, MisuseError, MomentUnknownError, StreamNotFoundError, UnknownNameError
from twofold.event_store.moment import Moment, version_at
from twofold.event_store.store import Log
from twofold.event_store.stream import stream_name
from twofold.messages.message import Query
from twofold.messages.metadata import id_bytes, id_text
from twofold.pipeline.context import Context
from twofold.read.answer import Wish
from twofold.read.dead_letters import DeadLetters
from twofold.read.operations import ViewOperations
from twofold.read.rows import Rows
from twofold.read.runner import Runner
from twofold.read.verifier import Verifier
from twofold.read.view import View
from twofold.read.view_answers import FindRows
from twofold.read.view_store import Condition
from twofold.runtime.health import Health
from twofold.runtime.keeper import Keeper
from twofold.runtime.supervisor import Supervisor
from twofold.write.aggregate import joined_key
from twofold.write.command_bus import refuse_nested
from twofold.write.deciding import Desk
from twofold.write.enqueueing import enqueue
from twofold.write.queue_processor import QueueProcessor
from twofold.write.receipt import Receipt

if TYPE_CHECKING:  # app imports open_app; the arrow back is only a type
    from twofold.app.app import App

R = TypeVar("R")
V = TypeVar("V", bound=View)
A = TypeVar("A")


class Engine(NamedTuple):
    """What an open app runs on."""

    config: Config
    log: Log
    desk: Desk
    send: Send
    queue: QueueProcessor
    reads: Reads
    projectors: Mapping[str, Runner]
    operations: ViewOperations
    dead_letters: DeadLetters
    verifier: Verifier
    keeper: Keeper
    supervisor: Supervisor
    check: HealthCheck
    metrics: Metrics


class OpenApp:
    """What `App.open()` gives. `log` has the ports of the log, `projectors` the runners of views by name.

    `operations` is what operators do to views: build them again, promote, roll back; `dead_letters` has the rows that
    failed, and what is done about those. `check` knows how far views are, by name too, `metrics` all that is counted
    and timed, and `verifier` compares rows with their events.
    """

    def __init__(self, app: App, engine: Engine) -> None:
        self.app = app
        self.name = app.name
        self.catalog = app.catalog
        self.config = engine.config
        self.log = engine.log
        self.projectors = engine.projectors
        self.reads = engine.reads
        self.operations = engine.operations
        self.dead_letters = engine.dead_letters
        self.verifier = engine.verifier
        self.check = engine.check
        self.metrics = engine.metrics
        self._desk = engine.desk
        self._handle = engine.send
        self._queue = engine.queue
        self._keeper = engine.keeper
        self._supervisor = engine.supervisor
        self._is_closed = False

    # --- commands -------------------------------------------------------------------------

    async def send(
        self,
        command: Any,
        *,
        key: str | None = None,
        expected_version: int | None = None,
        context: Context | None = None,
        wait_for: Sequence[type[View] | str] = (),
        wait: float | None = None,
    ) -> Receipt:
        """Handle *command*; the receipt comes once it is on disk.

        Args:
            command: an instance of a command class that the app handles.
            key: an idempotency key; the same key and payload again give the first answer, without a second effect.
            expected_version: the version the stream must be at; PreconditionFailedError when it is not.
            context: who asks, on whose behalf.
            wait_for: views that must have seen it before the receipt is returned.
            wait: seconds to wait for them, and for a copy with the same key that is still being worked on; the
                configured defaults when None. NotFreshError and KeyInFlightError after that.

        Raises:
            Rejected: a rule said no; recorded. `code` and `message` say which and why.
            InvalidMessageError: the command breaks its own type; every fault is listed.
            ConflictError, UnavailableError: see their families.
        """
        if self._is_closed:
            raise ClosedError(f"app {self.name!r} is closed")
        around = Context() if context is None else msgspec.structs.replace(context)
        if key is not None:
            around.key = key
        if expected_version is not None:
            around.expected_version = expected_version
        if wait is not None:
            around.wait = wait
        receipt = await self._handle(command, around)
        if wait_for:
            await self.reads.wait_for(wait_for, receipt.token, wait, missing=receipt.first)
        return receipt

    async def submit(self, command: Any, *, key: str | None = None, context: Context | None = None) -> str:
        """Queue *command* durably and return its id; a worker handles it, `command_status` tells what came of it.

        The same *key* and payload again give the same id, whether the first is still waiting or was handled.

        Raises InvalidMessageError, KeyReusedError, UnknownNameError when nobody handles it, ClosedError; nothing is
        queued then.
        """
        if self._is_closed:
            raise ClosedError(f"app {self.name!r} is closed")
        refuse_nested()
        if type(command) not in self.catalog.handlers:
            raise UnknownNameError("command", type(command).__name__, tuple(self.catalog.commands))
        message = self.catalog.types.of(type(command))
        around = Context() if context is None else msgspec.structs.replace(context)
        if key is not None:
            around.key = key
        desk = self._desk
        message_id = await enqueue(self.log.queue, desk.answering, desk.ids, message, command, around)
        self._queue.notice()
        return id_text(message_id)

    async def command_status(self, command_id: str) -> CommandStatus:
        """What has become of a command. Raises UnknownNameError when no command has this id."""
        return await status_of(command_id, id_bytes, self.log, self._desk.answering)

    # --- queries --------------------------------------------------------------------------

    async def ask(
        self,
        query: Query[R],
        *,
        after: str | None = None,
        wait: float | None = None,
        stale_ok: bool = False,
        context: Context | None = None,
    ) -> R:
        """The answer to *query*.

        Args:
            query: an instance of a query class that the app answers.
            after: a token; the answer is at least as new.
            wait: seconds to wait for that; the configured default when None.
            stale_ok: take an older answer when time is up, instead of NotFreshError.
            context: who asks.

        Raises NotFreshError, TokenUnknownError, InvalidMessageError, and what the answering function raises.
        """
        return (await self.reads.answer(query, Wish(after, wait, stale_ok), context=context)).value

    async def get(
        self,
        view: type[V],
        key: Any,
        *,
        at: Moment | None = None,
        after: str | None = None,
        wait: float | None = None,
        stale_ok: bool = False,
        context: Context | None = None,
    ) -> V:
        """The row of *view* with this key, a tuple for a composite one. Else as `ask`. Raises RowNotFoundError.

        With *at* it is the row as of a moment, folded from the log by today's code: as of a position, an aware
        datetime or a token; it waits for nothing. Raises MomentUnknownError, TooManyEventsError, FoldError and
        UnreadableError then, and MisuseError together with *after*.
        """
        if at is not None:
            if after is not None:
                raise MisuseError("at= and after= exclude each other: the past does not become newer")
            return (await self.reads.get_as_of(view, key, at, context=context)).value
        return (await self.reads.get(view, key, Wish(after, wait, stale_ok), context=context)).value

    async def find(
        self,
        view: type[V],
        *conditions: Condition,
        order_by: str | Sequence[str] = (),
        limit: int = 100,
        after: str | None = None,
        wait: float | None = None,
        stale_ok: bool = False,
        context: Context | None = None,
    ) -> list[V]:
        """The rows of *view* that pass all *conditions* (made with `rows(view).c`). The rest as for `ask`."""
        search = FindRows(view, conditions, order_by, limit)
        return (await self.reads.find(search, Wish(after, wait, stale_ok), context=context)).value.items

    def rows(self, view: type[V]) -> Rows[V]:
        """Typed access to the rows of *view*: `get`, `find`, `page`, `count`, and its columns `c`."""
        return self.reads.rows(view)

    def watch(self, query: Query[R], *, context: Context | None = None) -> AsyncIterator[R]:
        """The answer to *query*, and again each time that it has changed."""
        return self.reads.watch_values(query, context)

    async def load(self, aggregate: type[A], key: Any, *, version: int | None = None, at: Moment | None = None) -> A:
        """An aggregate's state, folded from the log: now, as of a *version* of its stream, or as of a moment: a
        position, an aware datetime or a token. It is yours to keep.

        Raises StreamNotFoundError when it had no events then; MomentUnknownError for a version or position that is
        not there yet; MisuseError for both *version* and *at*.
        """
        if version is not None and at is not None:
            raise MisuseError("version= and at= exclude each other: each says as of when")
        definition = next((each for each in self.catalog.aggregates.values() if each.cls is aggregate), None)
        if definition is None:
            raise UnknownNameError("aggregate", aggregate.__name__, tuple(self.catalog.aggregates))
        stream = stream_name(definition.category, joined_key(key) if isinstance(key, tuple) else str(key))
        if at is not None:
            version = await version_at(self.log.events, stream, (await self.reads.mark_of(at)).position)
        folded = await self._desk.repository.fold(definition, stream, version)
        if not folded.version:
            raise StreamNotFoundError(stream)
        if version is not None and folded.version != version:
            raise MomentUnknownError(f"{stream} is at version {folded.version}; it has no version {version}")
        state: A = folded.state
        return state

    # --- running --------------------------------------------------------------------------

    async def start(self, *, run_workers: bool) -> None:
        """Open every view, then start the workers if they are to run here."""
        for projector in self.projectors.values():
            await projector.open()
        if run_workers:
            self._supervisor.start()

    async def fold(self, views: Iterable[str]) -> int:
        """One step of the leases and of whoever runs *views*; what that moved. For processes without workers."""
        await self._keeper.step()
        return sum(await asyncio.gather(*[self.projectors[view].step() for view in views]))

    async def step(self) -> int:
        """One step of every worker; returns what they moved. For tests, with `workers=False`."""
        return await self._supervisor.step()

    async def run_until_idle(self) -> int:
        """Step every worker until none has anything to do; returns what they moved."""
        total = 0
        while moved := await self.step():
            total += moved
        return total

    async def health(self, max_age: float = 0.0) -> Health:
        """Whether the app is live and ready, its workers, and how far each view is behind.

        That is measured in the stores; what was measured no longer than *max_age* seconds ago will do.
        """
        return await self.check.health(max_age)

    async def close(self) -> None:
        """Take nothing new, finish what is under way, stop the workers, and give their leases up.

        Repeating it does nothing.
        """
        if not self._is_closed:
            self._is_closed = True
            try:
                await self._desk.committer.close()
            finally:
                await self._supervisor.stop()
                await self._keeper.leave()
