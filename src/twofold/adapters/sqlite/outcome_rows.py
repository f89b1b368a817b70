"""Outcomes as rows, and rows as outcomes; which keys and message ids are known already."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import apsw
import msgspec
from msgspec.structs import replace

from twofold.adapters.sqlite.connection import fetch
from twofold.adapters.sqlite.names import Names
from twofold.errors import InputError
from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.recorded_event import NO_CHECK, check_of
from twofold.event_store.write import Appended, Replayed, Write
from twofold.messages.metadata import NO_ORIGIN

Identity = bytes | tuple[str, str]
Known = dict[Identity, RecordedOutcome] | None


def key_hash(scope: str, key: str) -> int:
    """A 64-bit signed number for a key; rows with the same number are compared in full."""
    text = f"{scope}\x00{key}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)


def identity(outcome: Outcome) -> Identity:
    """What makes a command the same command: its key in its scope, or else its message id."""
    return outcome.message_id if outcome.key is None else (outcome.scope, outcome.key)


def replay_of(write: Write, known: dict[Identity, RecordedOutcome]) -> Replayed | None:
    """The first outcome of this write's command, if it has one."""
    if write.outcome is None:
        return None
    first = known.get(identity(write.outcome)) or known.get(write.outcome.message_id)
    return None if first is None else Replayed(first)


def remember(
    number: int, outcome: Outcome, appended: Appended, events: int, known: dict[Identity, RecordedOutcome]
) -> None:
    """Let later writes of the same batch see this outcome."""
    version = _version(outcome, appended, events)
    known[identity(outcome)] = known[outcome.message_id] = RecordedOutcome(
        number=number, outcome=replace(outcome, decided_on=version - events), position=appended.position,
        first=appended.first, events=events, version=version, recorded_at=appended.recorded_at, check=appended.check,
    )  # fmt: skip


def _version(outcome: Outcome, appended: Appended, events: int) -> int:
    return appended.versions[0] if len(appended.versions) == 1 else outcome.decided_on + events


class OutcomeRows:
    """Writes outcomes as rows, and finds those of a batch's keys."""

    def __init__(self, connection: apsw.Connection, sql: dict[str, str], names: Names) -> None:
        self._connection = connection
        self._sql = sql
        self._names = names

    def known(self, writes: Sequence[Write], *, with_ids: bool) -> Known:
        """The outcomes that commands of this batch have already; None when none of them brings a key."""
        outcomes = [write.outcome for write in writes if write.outcome is not None]
        keyed = [outcome for outcome in outcomes if outcome.key is not None]
        if not keyed and not with_ids:
            return None
        found: dict[Identity, RecordedOutcome] = {}
        self._find_keys(keyed, found)
        if with_ids:
            for outcome in outcomes:
                first = self.by_id(outcome.message_id)
                if first is not None:
                    found[outcome.message_id] = first
        return found

    def by_id(self, message_id: bytes) -> RecordedOutcome | None:
        """The outcome that this command has already."""
        rows = self._run("outcome_by_id", (message_id,))
        return outcome_of(rows[0], self._names) if rows else None

    def refuse_known_keys(self, outcomes: Sequence[Outcome]) -> None:
        """Raises InputError when the key of one is known already, or comes twice."""
        keyed = [outcome for outcome in outcomes if outcome.key is not None]
        found: dict[Identity, RecordedOutcome] = {}
        self._find_keys(keyed, found)
        if found or len({identity(outcome) for outcome in keyed}) < len(keyed):
            raise InputError("an outcome's key is known already, or comes twice")

    def _find_keys(self, keyed: list[Outcome], found: dict[Identity, RecordedOutcome]) -> None:
        hashes = {key_hash(outcome.scope, outcome.key or ""): outcome for outcome in keyed}
        hits = self._run("known_key_hashes", (msgspec.json.encode(list(hashes)).decode(),)) if hashes else []
        if not hits:
            return
        for outcome in keyed:
            bindings = (key_hash(outcome.scope, outcome.key or ""), outcome.scope, outcome.key)
            for row in self._run("outcome_by_key", bindings):
                found[identity(outcome)] = outcome_of(row, self._names)

    def place(
        self, number: int, outcome: Outcome, appended: Appended, events: int, short: list[Any], full: list[Any]
    ) -> None:
        """Add the outcome's row to *short* when it is an ordinary one, else to *full*."""
        row = (
            number, outcome.message_id, self._names.number(outcome.command, 0), outcome.status, outcome.stream,
            _version(outcome, appended, events), appended.position, events, appended.recorded_at, outcome.duration,
        )  # fmt: skip
        own_correlation = outcome.correlation_id == outcome.message_id
        if outcome.key is None and outcome.code is None and own_correlation and outcome.origin == NO_ORIGIN:
            short.append(row)
            return
        hashed = None if outcome.key is None else key_hash(outcome.scope, outcome.key)
        full.append((
            *row, None if own_correlation else outcome.correlation_id,
            None if outcome.origin == NO_ORIGIN else outcome.origin, hashed, outcome.scope, outcome.key,
            outcome.payload_hash, outcome.code, outcome.message, outcome.details,
        ))  # fmt: skip

    def _run(self, name: str, bindings: tuple[Any, ...]) -> list[Any]:
        return fetch(self._connection, self._sql[name], bindings)


def outcome_of(row: tuple[Any, ...], names: Names) -> RecordedOutcome:
    """The outcome in a row of the `outcome_by_...` statements."""
    (number, message_id, command, status, stream, version, position, events, recorded_at, duration,
     correlation_id, origin, scope, key, payload_hash, code, message, details, last_event) = row  # fmt: skip
    outcome = Outcome(
        message_id=message_id, command=names.name(command)[0], status=status, stream=stream,
        correlation_id=correlation_id or message_id, decided_on=version - events, key=key, scope=scope or "",
        payload_hash=payload_hash or b"", code=code, message=message, details=details,
        origin=origin or NO_ORIGIN, duration=duration,
    )  # fmt: skip
    return RecordedOutcome(
        number=number, outcome=outcome, position=position, first=position - events + 1 if events else 0, events=events,
        version=version, recorded_at=recorded_at, check=NO_CHECK if last_event is None else check_of(last_event),
    )  # fmt: skip
