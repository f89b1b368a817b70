"""Is the app alive, should it be sent traffic, and how far is each view behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from twofold.read.lag import LagMeter
from twofold.read.status import ProjectorStatus
from twofold.runtime.health import Health, ReaderStatus
from twofold.runtime.supervisor import Supervisor

UNWELL = frozenset({"stopped"})


class Projecting(Protocol):
    """Runs a view in this process."""

    def status(self) -> ProjectorStatus:
        """Where the view is, and why it is not further."""


class HealthCheck:
    """Puts together what the workers say and what the stores show.

    Args:
        lag: measures the views.
        projectors: those of this process, which know why they have stopped.
        supervisor: runs the workers.
        objective: seconds that a view may be behind.
        drifted: how many rows of each view differ from what their events fold to, as far as this process knows.
    """

    def __init__(
        self,
        lag: LagMeter,
        projectors: Mapping[str, Projecting],
        supervisor: Supervisor,
        *,
        objective: float,
        drifted: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._lag, self._projectors, self._supervisor = lag, projectors, supervisor
        self._objective, self._drifted = objective, drifted

    async def views(self, max_age: float = 0.0) -> tuple[ReaderStatus, ...]:
        """Every view as `LagMeter.measure` finds it, with the reason if it is stopped here."""
        return self.explained(await self.measured(max_age))

    async def measured(self, max_age: float = 0.0) -> tuple[ReaderStatus, ...]:
        """Every view as every process finds it: what only this one knows is left out."""
        return await self._lag.measure(max_age)

    def explained(self, views: Sequence[ReaderStatus]) -> tuple[ReaderStatus, ...]:
        """The *views* with what this process knows of them: why they are stopped, and what has drifted."""
        return tuple([self._explained(each) for each in views])

    async def view(self, name: str) -> ReaderStatus:
        """The view *name*, now. Raises UnknownNameError."""
        return self._explained(await self._lag.one(name))

    async def health(self, max_age: float = 0.0) -> Health:
        """The whole process; a view that is late or unwell makes it not ready."""
        return self.of(await self.views(max_age))

    def of(self, views: Sequence[ReaderStatus]) -> Health:
        """The whole process, when those are its views."""
        health = self._supervisor.health(views)
        return replace(health, ready=health.ready and not any(self.is_unwell(view) for view in views))

    def is_unwell(self, view: ReaderStatus) -> bool:
        """Whether it is behind by more than the objective, or goes no further by itself.

        While another generation is built the live one may be behind: it answers, and nobody else could do better.
        """
        is_late = view.lag_seconds > self._objective and view.state != "rebuilding"
        return view.error is not None or view.state in UNWELL or is_late

    def _explained(self, view: ReaderStatus) -> ReaderStatus:
        drifted = self._drifted().get(view.name, 0)
        if drifted:
            view = replace(view, drifted_keys=drifted)
        status = self._projectors[view.name].status()
        if status.error is None or (status.failed_at is not None and status.failed_at <= view.position):
            return view  # another process went on from there
        return replace(view, state=status.state, error=status.error, remedy=status.remedy)
