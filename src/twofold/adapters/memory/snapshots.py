"""Snapshots in memory."""

from __future__ import annotations

from twofold.adapters.memory.lifetime import Lifetime
from twofold.event_store.store import Snapshot


class MemorySnapshots:
    """The reference implementation of Snapshots: the newest one of each stream and fingerprint."""

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._newest: dict[tuple[str, str], Snapshot] = {}

    async def load(self, stream: str, fingerprint: str, up_to: int | None = None) -> Snapshot | None:
        """The newest snapshot of *stream* at or below *up_to* made with *fingerprint*, or None."""
        self._lifetime.check()
        newest = self._newest.get((stream, fingerprint))
        return newest if newest and (up_to is None or newest.version <= up_to) else None

    async def save(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* unless there is a newer one."""
        self._lifetime.check()
        place = snapshot.stream, snapshot.fingerprint
        kept = self._newest.get(place)
        if kept is None or kept.version <= snapshot.version:
            self._newest[place] = snapshot
