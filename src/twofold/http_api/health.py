"""The two questions of an orchestrator, is it alive and should it be sent traffic; and the details for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import msgspec

from twofold.errors import UnavailableError
from twofold.http_api.door import Door
from twofold.http_api.problems import problem
from twofold.http_api.request import Request
from twofold.http_api.response import Response, json_response
from twofold.read.drift import drift_remedy
from twofold.runtime.health import Health, State, WorkerStatus

_encode = msgspec.json.Encoder().encode


class HealthEndpoints:
    """`GET /health/live`, `/health/ready` and `/health`; open to everybody, and never more than states and lags.

    Asking often costs little: views are measured no more than twice a second.
    """

    def __init__(self, door: Door) -> None:
        self._app = door.app

    async def live(self, _: Request) -> Response:
        """200 while the process does its work; 503 when only a restart can help."""
        try:
            is_live = (await self._app.health(MAX_AGE)).live
        except UnavailableError:
            is_live = True  # A store that does not answer is no reason for a restart; `ready` tells of it.
        if is_live:
            return json_response(b'{"status":"live"}')
        return problem(503, "not-live", "the process no longer does its work; restart it", headers=_LATER)

    async def ready(self, _: Request) -> Response:
        """200 when it should be sent traffic; 503 with the reasons when not."""
        health = await self._app.health(MAX_AGE)
        reasons = list(reasons_of(health, self._app.config.lag_objective))
        if health.ready and not reasons:
            views = [asdict(view) for view in health.views]
            return json_response(_encode({"status": "ready", "warnings": list(warnings_of(health)), "views": views}))
        detail = "; ".join(reasons) or "the app is starting or stopping"
        return problem(503, "not-ready", detail, headers=_LATER, reasons=reasons)

    async def details(self, _: Request) -> Response:
        """Every view and every worker, well or not; always 200 while the stores answer."""
        health = await self._app.health(MAX_AGE)
        told = {
            "status": "ready" if health.ready else "not-ready" if health.live else "not-live",
            "reasons": list(reasons_of(health, self._app.config.lag_objective)),
            "warnings": list(warnings_of(health)),
            "views": [asdict(view) for view in health.views],
            "workers": [_public(worker) for worker in health.workers],
        }
        return json_response(_encode(told))


def _public(worker: WorkerStatus) -> dict[str, object]:
    """A worker without the words of its last error, which may be about anything."""
    return {
        "name": worker.name,
        "state": worker.state.value,
        "failures": worker.failures,
        "restarts": worker.restarts,
        "moved": worker.moved,
        "last_progress_age": worker.last_progress_age,
    }


MAX_AGE = 0.5
_LATER = ((b"retry-after", b"1"),)


def reasons_of(health: Health, lag_objective: float) -> Iterator[str]:
    """Why the app should not be sent traffic, one sentence each."""
    for view in health.views:
        if view.error is not None:
            yield f"view {view.name} is {view.state}: {view.error}; {view.remedy}"
        elif view.lag_seconds > lag_objective and view.state != "rebuilding":
            yield f"view {view.name} is {view.lag_seconds:.1f} s behind; the objective is {lag_objective:g} s"
    for worker in health.workers if not health.ready else ():
        if worker.state is not State.RUNNING:
            yield f"worker {worker.name} is {worker.state.value}; the log says why"


def warnings_of(health: Health) -> Iterator[str]:
    """What somebody should look at though traffic may go on, one sentence each."""
    for view in health.views:
        if view.state == "rebuilding":
            yield f"view {view.name} is built anew; the rows that answer are {view.lag_seconds:.1f} s behind"
        if view.parked_keys:
            yield f"view {view.name}: {_rows(view.parked_keys)} parked with what comes after; see `twofold dlq list`"
        if view.drifted_keys:
            yield f"view {view.name}: {_rows(view.drifted_keys)} not what the events fold to; {drift_remedy(view.name)}"


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count} rows are"
