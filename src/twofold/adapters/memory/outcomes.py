"""Outcome records in memory."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from twofold.adapters.memory.lifetime import Lifetime
from twofold.errors import InputError
from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.write import Appended


class MemoryOutcomes:
    """The reference implementation of Outcomes. The event store records into it."""

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._by_number: dict[int, RecordedOutcome] = {}
        self._by_key: dict[tuple[str, str], RecordedOutcome] = {}
        self._by_id: dict[bytes, RecordedOutcome] = {}
        self.last_number = 0

    def seen(self, outcome: Outcome) -> RecordedOutcome | None:
        """The record that makes *outcome* a replay: that of its key, or else of its message id."""
        by_key = None if outcome.key is None else self._by_key.get((outcome.scope, outcome.key))
        return by_key or self._by_id.get(outcome.message_id)

    def record(self, outcome: Outcome, appended: Appended, events: int) -> None:
        """Keep what came of a command, with where its events landed."""
        self.last_number += 1
        version = appended.versions[0] if len(appended.versions) == 1 else outcome.decided_on + events
        recorded = RecordedOutcome(
            number=self.last_number,
            outcome=replace(outcome, decided_on=version - events),
            position=appended.position,
            first=appended.first,
            events=events,
            version=version,
            recorded_at=appended.recorded_at,
            check=appended.check,
        )
        self._keep(recorded)

    def _keep(self, recorded: RecordedOutcome) -> None:
        outcome = recorded.outcome
        self._by_number[recorded.number] = recorded
        self._by_id[outcome.message_id] = recorded
        if outcome.key is not None:
            self._by_key[outcome.scope, outcome.key] = recorded

    def since(self, number: int) -> list[RecordedOutcome]:
        """Outcomes with numbers above *number*."""
        return [recorded for recorded in self._by_number.values() if recorded.number > number]

    def check_unknown(self, loaded: Sequence[RecordedOutcome]) -> None:
        """Raises InputError when one's id or key is known, or comes twice."""
        ids = {each.outcome.message_id for each in loaded}
        keys = [(each.outcome.scope, each.outcome.key) for each in loaded if each.outcome.key is not None]
        if len(ids) < len(loaded) or len(set(keys)) < len(keys) or any(self.seen(each.outcome) for each in loaded):
            raise InputError("an outcome's id or key is known already")

    def load(self, loaded: Sequence[RecordedOutcome]) -> None:
        """Keep outcomes that have been checked, as they are."""
        for recorded in loaded:
            self._keep(recorded)
            self.last_number = recorded.number

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
