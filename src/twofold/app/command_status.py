"""What has become of a command that was queued, or sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from twofold.errors import Rejected, UnknownNameError
from twofold.event_store.outcome import COPY, RecordedOutcome, Status
from twofold.event_store.store import Log
from twofold.messages.metadata import id_text
from twofold.write.answering import Answering, rejection_of
from twofold.write.receipt import Receipt


class CommandStatus(NamedTuple):
    """A command by its id: still queued, or its outcome with the receipt or the rejection."""

    command_id: str
    command: str
    state: Literal["queued", "accepted", "rejected"]
    receipt: Receipt | None = None
    rejection: Rejected | None = None
    outcome: RecordedOutcome | None = None


async def status_of(command_id: str, to_bytes: Callable[[str], bytes], log: Log, answering: Answering) -> CommandStatus:
    """Look in the log of commands, then in the queue. Raises UnknownNameError when the id is in neither."""
    try:
        message_id = to_bytes(command_id)
    except ValueError as error:
        raise UnknownNameError("command log entry", command_id) from error
    queued = await log.queue.get(message_id)
    found = await log.outcomes.by_id(message_id)
    if found is None:
        if queued is None:
            raise UnknownNameError("command log entry", command_id)
        return CommandStatus(command_id, queued.command, "queued")
    outcome = found.outcome
    if outcome.status == Status.ACCEPTED and outcome.code == COPY:
        first = await status_of(id_text(outcome.correlation_id), to_bytes, log, answering)
        return first._replace(command_id=command_id)
    if outcome.status == Status.REJECTED:
        return CommandStatus(command_id, outcome.command, "rejected", rejection=rejection_of(outcome), outcome=found)
    return CommandStatus(command_id, outcome.command, "accepted", await answering.receipt(found), outcome=found)
