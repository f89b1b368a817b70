"""The port through which a whole log moves from one store into another. The docstrings are the contract."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import NamedTuple, Protocol

from twofold.errors import InputError
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import RecordedEvent


class Bulk(Protocol):
    """Events and outcomes as they are recorded: read oldest first, and written as they were read."""

    async def outcomes(self, after: int, limit: int) -> list[RecordedOutcome]:
        """At most *limit* outcomes with numbers above *after*, by rising number."""

    async def load(
        self, events: Sequence[RecordedEvent], outcomes: Sequence[RecordedOutcome], epoch: str | None = None
    ) -> None:
        """Add what another log has recorded behind what this one has, with its positions, ids, versions and times.

        All of it is stored in one transaction that nobody else's append comes into, or nothing. When this returns it
        survives a crash of the machine. Readers see it as they see appended events, and appends go on behind it.
        With *epoch* a log without events and outcomes becomes the log of that epoch.

        Raises InputError, with nothing stored, when an event is not at the position behind the last one, is not its
        stream's next version, or was recorded before the last one; when an outcome's number is not above the last
        one's, its id or key is known, or it stands ahead of the log; when the log has another epoch and is not empty.
        """


class Ending(NamedTuple):
    """Where a log ends: its last position, when that was recorded (microseconds), and its last outcome's number."""

    position: int
    recorded_at: int
    outcome: int


def check_load(
    events: Sequence[RecordedEvent],
    outcomes: Sequence[RecordedOutcome],
    ending: Ending,
    versions: MutableMapping[str, int],
) -> None:
    """Raises InputError as `Bulk.load` does for what does not go on from *ending*.

    *versions* has the present version of every stream of *events*, and is moved to that behind them.
    """
    position, recorded_at, number = ending
    for event in events:
        position += 1
        stream = event.stream
        version = versions[stream] + 1
        if event.position != position or event.version != version or event.recorded_at < recorded_at:
            raise InputError(_fault_of(event, position, version, recorded_at))
        versions[stream] = version
        recorded_at = event.recorded_at
    for outcome in outcomes:
        if outcome.number <= number:
            raise InputError(f"outcome {outcome.number} does not stand behind outcome {number}")
        if outcome.position > position:
            raise InputError(
                f"outcome {outcome.number} stands at position {outcome.position}, the log ends at {position}"
            )
        number = outcome.number


def check_epoch(given: str | None, own: str, ending: Ending) -> None:
    """Raises InputError when the log is another one than that of the epoch *given*, and is not empty."""
    if given not in (None, own) and (ending.position or ending.outcome):
        raise InputError(f"this log has epoch {own} and {ending.position} events; it cannot become the log of {given}")


def _fault_of(event: RecordedEvent, position: int, version: int, recorded_at: int) -> str:
    if event.position != position:
        return f"an event of position {event.position} cannot stand at {position}: the log must be whole"
    if event.version != version:
        return f"position {position} has version {event.version} of {event.stream}, which needs {version} next"
    return f"position {position} was recorded at {event.recorded_at}, before the event in front of it ({recorded_at})"
