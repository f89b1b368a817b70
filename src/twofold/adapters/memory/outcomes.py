"""Outcome records in memory."""

from __future__ import annotations

from msgspec.structs import replace

from twofold.adapters.memory.lifetime import Lifetime
from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.write import Appended


class MemoryOutcomes:
    """The reference implementation of Outcomes. The event store records into it."""

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._by_number: dict[int, RecordedOutcome] = {}
        self._by_key: dict[tuple[str, str], RecordedOutcome] = {}
        self._by_id: dict[bytes, RecordedOutcome] = {}
        self._last_number = 0

    def seen(self, outcome: Outcome) -> RecordedOutcome | None:
        """The record that makes *outcome* a replay: that of its key, or else of its message id."""
        by_key = None if outcome.key is None else self._by_key.get((outcome.scope, outcome.key))
        return by_key or self._by_id.get(outcome.message_id)

    def record(self, outcome: Outcome, appended: Appended, events: int) -> None:
        """Keep what came of a command, with where its events landed."""
        self._last_number += 1
        version = appended.versions[0] if len(appended.versions) == 1 else outcome.decided_on + events
        recorded = RecordedOutcome(
            number=self._last_number,
            outcome=replace(outcome, decided_on=version - events),
            position=appended.position,
            first=appended.first,
            events=events,
            version=version,
            recorded_at=appended.recorded_at,
            check=appended.check,
        )
        self._by_number[recorded.number] = recorded
        self._by_id[outcome.message_id] = recorded
        if outcome.key is not None:
            self._by_key[outcome.scope, outcome.key] = recorded

    async def by_key(self, scope: str, key: str) -> RecordedOutcome | None:
        """The outcome that *key* has in *scope*, or None."""
        self._lifetime.check()
        return self._by_key.get((scope, key))

    async def by_id(self, message_id: bytes) -> RecordedOutcome | None:
        """The outcome of the command with this id, or None."""
        self._lifetime.check()
        return self._by_id.get(message_id)

    async def recent(
        self, *, before: int | None = None, limit: int = 100, status: int | None = None, command: str | None = None
    ) -> list[RecordedOutcome]:
        """Outcomes by falling number."""
        self._lifetime.check()
        wanted = [
            recorded
            for recorded in reversed(self._by_number.values())
            if (before is None or recorded.number < before)
            and (status is None or recorded.outcome.status == status)
            and (command is None or recorded.outcome.command == command)
        ]
        return wanted[:limit]

    async def expire(self, recorded_before: int, limit: int) -> int:
        """Forget the oldest outcomes recorded before that time."""
        self._lifetime.check()
        old = [number for number, recorded in self._by_number.items() if recorded.recorded_at < recorded_before][:limit]
        for number in old:
            self._forget(self._by_number.pop(number).outcome)
        return len(old)

    def _forget(self, outcome: Outcome) -> None:
        del self._by_id[outcome.message_id]
        if outcome.key is not None:
            del self._by_key[outcome.scope, outcome.key]
