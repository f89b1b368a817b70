"""What a log can do beyond the contract, and how a contract suite opens one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twofold.event_store.store import Log
from twofold.testing.clock import ManualClock


@dataclass(frozen=True, slots=True)
class LogCapabilities:
    """Where logs differ. What a log does not do is tested too.

    Args:
        durable: what was appended is there when the log is closed and opened again.
        shared: logs that are open on the same place at the same time, in any process, are one log.
        transactions: it has units of work.
        concurrent_units: units of work and appends from outside go on side by side until one appends; else a unit
            has the only writer from its beginning.
    """

    durable: bool
    shared: bool
    transactions: bool
    concurrent_units: bool = False


class LogBackend(Protocol):
    """One place for a log, empty at first."""

    capabilities: LogCapabilities
    clock: ManualClock

    async def open(self) -> Log:
        """Open the log at this place, with `clock`; whoever opened it closes it."""
