"""Takes commands on durably, to be handled later: one place in the queue for each idempotency key."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from twofold.clock import Ids
from twofold.errors import InputError, KeyReusedError
from twofold.event_store.store import CommandQueue
from twofold.messages.message_types import MessageType
from twofold.pipeline.context import Context
from twofold.write.answering import Answering
from twofold.write.command_bus import checked_key
from twofold.write.queue_processor import QueuedContext


async def enqueue(
    queue: CommandQueue, answering: Answering, ids: Ids, message: MessageType, command: Any, context: Context
) -> bytes:
    """Queue *command* and return the id under which its outcome will be found.

    A key that was handled or queued before gives the id that it had then. Raises InvalidMessageError for a command or
    key that is none, KeyReusedError when the key came with another payload, InputError for an expected version.
    """
    if context.expected_version is not None:
        raise InputError("a queued command takes no expected version: nobody is there to hear that it was not met")
    _, context.data = message.codec.validate(command)
    context.name = message.name
    if context.key is None:
        message_id = context.message_id or ids.next()
        await _put(queue, message_id, context)
        return message_id
    key = checked_key(context.key, message.name)
    first = await answering.first(context)
    if first is not None:
        answering.check_same(first.outcome, context)
        return first.outcome.message_id
    message_id = context.message_id or _id_of(context.scope, key)
    await _put(queue, message_id, context)
    waiting = await queue.get(message_id)
    if waiting is not None and (waiting.command, waiting.data) != (context.name, context.data):
        raise KeyReusedError(f"the key {key!r} was used for another {waiting.command}")
    return message_id


async def _put(queue: CommandQueue, message_id: bytes, context: Context) -> None:
    await queue.put(message_id, context.name, context.data, msgspec.json.encode(QueuedContext.of(context)))


def _id_of(scope: str, key: str) -> bytes:
    """The same 16 bytes for the same key: a message id queues once."""
    return blake2b(f"{scope}\x00{key}".encode(), digest_size=16).digest()
