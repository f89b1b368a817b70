"""Opens what an app keeps in memory."""

from __future__ import annotations

from twofold.adapters.memory.log import MemoryLog, open_memory_log
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.clock import Clock
from twofold.config import Config


async def open_log(path: str, clock: Clock, config: Config) -> MemoryLog:  # noqa: ARG001 - one shape for every technology
    """A new, empty log."""
    return open_memory_log(clock)


async def open_views(path: str, config: Config) -> MemoryViewStore:  # noqa: ARG001 - one shape for every technology
    """A new, empty view store."""
    return MemoryViewStore()
