"""What comparing the rows of a view with their events has come to."""

from __future__ import annotations

from twofold.read.drift import Drift
from twofold.read.view_store import Key

MOST_DRIFTS = 1000
"""So many drifted rows of a view are remembered; more are only said to be more."""


class Findings:
    """What is known of one view.

    Attributes:
        view: its name.
        generation: the number of the built copy that was looked at; 0 before the first.
        why: why its rows are not compared; None when they are.
        fault: the first event that could not be read or named no row, in words; None when there was none.
        compared: rows that were compared with their events, and keys of events for which there was rightly no row.
        parked: rows that were left out in this round since they wait for a retry.
        moving: rows that changed each time they were looked at, and were left out in this round for that.
        drifts: the rows that differ, by key; at most MOST_DRIFTS. One that is found to be right again is taken off.
        has_more: there were more.
        rounds: how often everything was looked at.
        round_at: when that was last so (microseconds since 1970); None: not yet.
    """

    def __init__(self, view: str) -> None:
        self.view = view
        self.generation = 0
        self.why: str | None = None
        self.fault: str | None = None
        self.compared = self.parked = self.moving = self.rounds = 0
        self.drifts: dict[Key, Drift] = {}
        self.has_more = False
        self.round_at: int | None = None

    def refuse(self, why: str) -> None:
        """Its rows cannot be compared."""
        self.why = why
        self.drifts.clear()

    def begin(self, generation: int) -> None:
        """A round begins; what was found in another generation is about other rows."""
        if generation != self.generation:
            self.drifts.clear()
        self.generation, self.why, self.fault = generation, None, None
        self.parked = self.moving = 0
        self.has_more = False

    def end(self, moving: int, now: int) -> None:
        """The round is over; *moving* rows could not be caught."""
        self.moving = moving
        self.rounds += 1
        self.round_at = now

    def note(self, key: Key, drift: Drift | None) -> None:
        """The row was compared: it is right (None), or *drift* says what it is."""
        self.compared += 1
        if drift is None:
            self.drifts.pop(key, None)
        elif key in self.drifts or len(self.drifts) < MOST_DRIFTS:
            self.drifts[key] = drift
        else:
            self.has_more = True

    @property
    def has_drift(self) -> bool:
        """Whether something is wrong."""
        return bool(self.drifts) or self.fault is not None
