"""Opens what an app keeps in memory."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.adapters.memory.log import MemoryLog, open_memory_log
from twofold.adapters.memory.view_store import MemoryViewStore
from twofold.adapters.sql.migration import Migration
from twofold.clock import Clock
from twofold.config import Config
from twofold.runtime.finding import Finding


async def open_log(path: str, clock: Clock, config: Config) -> MemoryLog:  # noqa: ARG001 - one shape for every technology
    """A new, empty log."""
    return open_memory_log(clock)


async def open_views(path: str, config: Config) -> MemoryViewStore:  # noqa: ARG001 - one shape for every technology
    """A new, empty view store."""
    return MemoryViewStore()


class NoSchema:
    """What is kept in memory is made anew each time."""

    async def pending(self) -> list[Migration]:
        """See Schema.pending."""
        return []

    async def migrate(self) -> list[Migration]:
        """See Schema.migrate."""
        return []

    def script(self, steps: Sequence[Migration]) -> str:
        """See Schema.script."""
        return "".join(step.script for step in steps)


def schema(path: str, role: str, config: Config) -> NoSchema:  # noqa: ARG001 - one shape for every technology
    """Nothing to migrate."""
    return NoSchema()


async def examine(path: str, roles: Sequence[str], config: Config) -> list[Finding]:  # noqa: ARG001 - one shape for every technology
    """That it lasts as long as the process."""
    return [Finding("memory", "note", f"{' and '.join(roles)} end with the process", "name a store that lasts")]
