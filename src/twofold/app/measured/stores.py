"""What only the stores know, as families: every process finds the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twofold.event_store.leases import Roster
from twofold.event_store.store import Backlog, Log
from twofold.runtime.measures import Family, counter, gauge

QUEUE_COUNTED = 10_000
"""As far as queued commands are counted."""


class Found(NamedTuple):
    """What the log's store said, and its clock (microseconds since 1970)."""

    head: int
    backlog: Backlog
    roster: Roster
    now: int


async def found_in(log: Log) -> Found:
    """Ask the log. Raises UnavailableError when it does not answer."""
    return Found(
        (await log.events.mark()).position,
        await log.queue.backlog(QUEUE_COUNTED),
        await log.leases.roster(),
        await log.events.now(),
    )


def store_families(found: Found) -> Iterator[Family]:
    """The log, its queue and its leases."""
    age = 0.0 if found.backlog.oldest is None else max(0.0, (found.now - found.backlog.oldest) / 1e6)
    text = "Position of the last event in the log; its rate is that of events."
    yield counter("twofold_log_position", text, (), {(): found.head})
    text = f"Commands that wait to be handled, counted up to {QUEUE_COUNTED}."
    yield gauge("twofold_queued_commands", text, (), {(): found.backlog.commands})
    text = "For how many seconds the first of the queued commands has been waiting."
    yield gauge("twofold_queued_command_age_seconds", text, (), {(): age})
    yield gauge("twofold_processes", "Processes that share the work out.", (), {(): len(found.roster.members)})
    text = "Leases that are held, by any process."
    yield gauge("twofold_leases", text, (), {(): len(found.roster.leases)})
    orphans = {name for wants in found.roster.members.values() for name in wants} - found.roster.leases.keys()
    text = "Leases that processes want and nobody holds; for longer than a lease lasts, work is not done."
    yield gauge("twofold_leases_free", text, (), {(): len(orphans)})
