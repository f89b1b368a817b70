"""How far views are behind the log, measured from outside: by the checkpoint that their rows carry."""

from __future__ import annotations

from twofold.app.open_app import OpenApp
from twofold.clock import Clock
from twofold.errors import UnknownNameError
from twofold.event_store.token import decode_token
from twofold.read.view_answers import FindRows
from twofold.runtime.health import ReaderStatus

CAUGHT_UP = "caught-up"
BEHIND = "behind"
LATE = "late"
STOPPED = "stopped"
UNWELL = frozenset({LATE, STOPPED})


async def measure_all(app: OpenApp, clock: Clock) -> list[ReaderStatus]:
    """Every view of *app*."""
    return [await measure(app, name, clock) for name in app.catalog.views]


async def measure(app: OpenApp, name: str, clock: Clock) -> ReaderStatus:
    """The view *name*: caught-up, behind, late (behind by more than the configured objective),
    or stopped (this code cannot carry on from its rows: `doctor` says why).

    Raises UnknownNameError.
    """
    view = app.catalog.views.get(name)
    if view is None:
        raise UnknownNameError("view", name, tuple(app.catalog.views))
    answer = await app.reads.find(FindRows(view.view, limit=1))
    position = decode_token(answer.token).position
    head = (await app.log.events.mark()).position
    lag_seconds = await _waiting_since(app, position, clock)
    state = CAUGHT_UP if position >= head else LATE if lag_seconds > app.config.lag_objective else BEHIND
    if app.projectors[name].status().state == STOPPED:
        state = STOPPED
    return ReaderStatus(name, state, position, max(head - position, 0), lag_seconds)


async def _waiting_since(app: OpenApp, position: int, clock: Clock) -> float:
    """Seconds since the first event behind *position* was recorded; 0.0 when there is none."""
    page = await app.log.events.read_log(position, limit=1)
    if not page.events:
        return 0.0
    return max(clock.now_micros() - page.events[0].recorded_at, 0) / 1_000_000
