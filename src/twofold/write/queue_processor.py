"""Handles commands that were queued durably, one after another."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
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


class QueueProcessor:
    """Handles what `submit` has queued; *refuse* puts on record that a command can never be handled.

    Sends queued commands under their own message id, so that one that was handled before a crash is only
    answered again. One that fails unexpectedly stays queued and is tried again later; the others go on.
    """

    def __init__(
        self,
        queue: CommandQueue,
        types: MessageTypes,
        send: Callable[[Any, Context], Awaitable[object]],
        refuse: Callable[[QueuedCommand, InputError], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._types = types
        self._send = send
        self._refuse = refuse
        self._clock = clock
        self._failed: dict[int, tuple[int, float]] = {}

    async def step(self) -> int:
        """Handle what is waiting and due, at most a page; returns how many commands left the queue."""
        done = 0
        now = self._clock.monotonic()
        for queued in await self._queue.waiting():
            if self._failed.get(queued.number, (0, 0.0))[1] <= now and await self._handled(queued):
                await self._queue.remove(queued.number)
                self._failed.pop(queued.number, None)
                done += 1
        return done

    async def _handled(self, queued: QueuedCommand) -> bool:
        try:
            command = self._types.named(queued.command, "command").codec.decode(queued.data)
            kept = msgspec.json.decode(queued.context, type=QueuedContext)
            context = Context(
                principal=kept.principal,
                tenant=kept.tenant,
                trace=kept.trace,
                key=kept.key,
                message_id=queued.message_id,
            )
            await self._send(command, context)
        except Rejected:
            return True
        except InputError as error:
            await self._refuse(queued, error)
            return True
        except Exception as error:  # noqa: BLE001 - it stays queued, is logged, and is tried again
            self._postpone(queued, error)
            return False
        return True

    def _postpone(self, queued: QueuedCommand, error: Exception) -> None:
        attempts = self._failed.get(queued.number, (0, 0.0))[0] + 1
        pause = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempts, 20))
        self._failed[queued.number] = (attempts, self._clock.monotonic() + pause)
        text = "queued command %s (number %d) failed; next try in %.1f s"
        logger.error(text, queued.command, queued.number, pause, exc_info=error)
