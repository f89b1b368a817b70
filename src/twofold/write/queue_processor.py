"""Handles commands that were queued durably, one after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from twofold.clock import Clock
from twofold.errors import InputError, Rejected
from twofold.event_store.store import CommandQueue, QueuedCommand
from twofold.messages.message_types import MessageTypes
from twofold.pipeline.context import Context

logger = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 60.0


class QueuedContext(msgspec.Struct, omit_defaults=True):
    """The part of a context that waits with the command."""

    principal: str | None = None
    tenant: str | None = None
    trace: str | None = None
    key: str | None = None
    correlation_id: bytes | None = None

    @classmethod
    def of(cls, context: Context) -> QueuedContext:
        """What is kept of *context*."""
        return cls(context.principal, context.tenant, context.trace, context.key, context.correlation_id)

    def around(self, message_id: bytes) -> Context:
        """The context in which the command is handled."""
        return Context(
            principal=self.principal,
            tenant=self.tenant,
            trace=self.trace,
            key=self.key,
            correlation_id=self.correlation_id,
            message_id=message_id,
        )


class QueueProcessor:
    """Handles what `submit` has queued; *refuse* puts on record that a command can never be handled, *copied* that its
    key had been used for the same command before.

    Sends queued commands under their own message id, so that one that was handled before a crash is only
    answered again. One that fails unexpectedly stays queued and is tried again later; the others go on.
    """

    def __init__(
        self,
        queue: CommandQueue,
        types: MessageTypes,
        send: Callable[[Any, Context], Awaitable[object]],
        refuse: Callable[[QueuedCommand, InputError], Awaitable[None]],
        copied: Callable[[QueuedCommand, Context], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._types = types
        self._send = send
        self._refuse = refuse
        self._copied = copied
        self._clock = clock
        self._news = asyncio.Event()
        self._failed: dict[int, tuple[int, float]] = {}

    def notice(self) -> None:
        """Something has been queued in this process: do not wait for the next look."""
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Return True as soon as something is queued in this process, False after *seconds*."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def step(self) -> int:
        """Handle what is waiting and due, at most a page; returns how many commands left the queue."""
        done = after = 0
        while not done and (page := await self._queue.waiting(after)):
            done = await self._handle_due(page)
            after = page[-1].number
        return done

    async def _handle_due(self, page: list[QueuedCommand]) -> int:
        done = 0
        now = self._clock.monotonic()
        for queued in page:
            if self._failed.get(queued.number, (0, 0.0))[1] <= now and await self._handled(queued):
                await self._queue.remove(queued.number)
                self._failed.pop(queued.number, None)
                done += 1
        return done

    async def _handled(self, queued: QueuedCommand) -> bool:
        try:
            command = self._types.named(queued.command, "command").codec.decode(queued.data)
            kept = msgspec.json.decode(queued.context, type=QueuedContext)
            await self._answered(command, kept.around(queued.message_id), queued)
        except InputError as error:
            await self._refuse(queued, error)
        except Exception as error:  # noqa: BLE001 - it stays queued, is logged, and is tried again
            self._postpone(queued, error)
            return False
        return True

    async def _answered(self, command: Any, context: Context, queued: QueuedCommand) -> None:
        with suppress(Rejected):
            await self._send(command, context)
        if context.key is not None:
            await self._copied(queued, context)

    def _postpone(self, queued: QueuedCommand, error: Exception) -> None:
        attempts = self._failed.get(queued.number, (0, 0.0))[0] + 1
        pause = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempts, 20))
        self._failed[queued.number] = (attempts, self._clock.monotonic() + pause)
        text = "queued command %s (number %d) failed; next try in %.1f s"
        logger.error(text, queued.command, queued.number, pause, exc_info=error)
