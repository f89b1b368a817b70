"""Watches an open app's own numbers, and tells those who asked to be told when something is wrong."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from twofold.app.health_check import Projecting
from twofold.app.measured.process import Measures
from twofold.clock import Clock
from twofold.config import Config
from twofold.errors import UnavailableError
from twofold.event_store.store import EventStore
from twofold.read.drift import drift_remedy
from twofold.read.lag import LagMeter
from twofold.read.status import ProjectorStatus
from twofold.runtime.alerts import Alarms, Alert, AlertHook, Reading, Rule, Window
from twofold.runtime.claim import Claim
from twofold.runtime.health import ReaderStatus
from twofold.runtime.measures import quantile
from twofold.runtime.worker import Worker

LOOK_SECONDS = 5.0
"""How often it looks."""
WINDOW_SECONDS = 60.0
"""Over how long rates, failures and quantiles are taken."""
LEAST_QUESTIONS = 100
"""Of fewer the 99th percentile is only the slowest one."""
CALM_SECONDS = 30.0
"""For how long a number has to be well before its alert is over."""
HOOK_SECONDS = 10.0
STORE_SECONDS = 3.0

VIEW_BEHIND, VIEW_STOPPED = "view-behind", "view-stopped"
ROWS_PARKED, ROWS_DRIFTED = "rows-parked", "rows-drifted"
EVENTS_MANY, QUERIES_SLOW, FOLDS_FAILING = "events-many", "queries-slow", "folds-failing"
STORE_SILENT = "store-silent"
OF_THE_STORES = (VIEW_BEHIND, ROWS_PARKED, EVENTS_MANY)
"""What every process would find alike; one of them tells."""

_log = logging.getLogger("twofold.alerts")


def rules_of(config: Config) -> list[Rule]:
    """The rules with the limits of *config*; a limit of None is no rule."""
    limits = [
        (VIEW_BEHIND, "view {subject} is {value:.1f} s behind; the limit is {limit:g} s", config.alert_lag),
        (EVENTS_MANY, "{value:.0f} events a second are appended; the limit is {limit:g}", config.alert_events),
        (QUERIES_SLOW, "1 answer in 100 takes more than {value:.3f} s; the limit is {limit:g} s", config.alert_query),
        (FOLDS_FAILING, "{value:.0f} folds failed within a minute; the limit is {limit:g}", config.alert_failed_folds),
    ]
    rules = [
        Rule(name, words, limit, 0.8 * limit, clears_after=CALM_SECONDS)
        for name, words, limit in limits
        if limit is not None
    ]
    return [
        *rules,
        Rule(VIEW_STOPPED, "view {subject} is stopped"),
        Rule(ROWS_PARKED, "parked rows of view {subject}: {value:.0f}; see `twofold dlq list`"),
        Rule(ROWS_DRIFTED, "rows of view {subject} that are not what their events fold to: {value:.0f}"),
        Rule(STORE_SILENT, "the stores do not answer", rises_after=2 * LOOK_SECONDS),
    ]


class Watched(NamedTuple):
    """Where the numbers come from. `drifted` says how many rows of each view the verifier found to differ."""

    events: EventStore
    lag: LagMeter
    measures: Measures
    projectors: Mapping[str, Projecting]
    drifted: Callable[[], Mapping[str, int]]


class AlertWatch:
    """Looks every few seconds, judges, logs, and calls the hooks; `step()` does it once, when it is time to.

    What every process finds alike is told by the one that holds the lease, the rest by each for itself.

    Args:
        watched: where the numbers come from.
        rules: what is too much.
        hooks: called with each alert, one after another. One that raises, or takes longer than 10 s, is logged.
        clock: says when it is time.
        claim: this process's claim to the lease.
    """

    def __init__(
        self, watched: Watched, rules: Sequence[Rule], hooks: Sequence[AlertHook], clock: Clock, claim: Claim
    ) -> None:
        self._watched, self._hooks, self._clock, self._claim = watched, hooks, clock, claim
        self._alarms = Alarms(rules, clock)
        self._look_at = clock.monotonic()
        self._head: Window[int] = Window(WINDOW_SECONDS)
        self._answers: Window[Sequence[int]] = Window(WINDOW_SECONDS)
        self._failed: Window[int] = Window(WINDOW_SECONDS)
        self._answers.before(self._look_at, ())
        self._failed.before(self._look_at, 0)

    async def step(self) -> int:
        """Look, if it is time to, and tell what has changed; returns 0: nothing of the log was moved."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return 0
        self._look_at = now + LOOK_SECONDS
        readings = [*self._of_this_process(now), *await self._of_the_stores(now)]
        for alert in self._alarms.judge(readings):
            await self._tell(alert)
        return 0

    async def _of_the_stores(self, now: float) -> list[Reading]:
        with self._claim.working() as fence:
            if fence is None:
                self._alarms.forget(OF_THE_STORES)
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    head = (await self._watched.events.mark()).position
                    views = await self._watched.lag.measure() if fence is not None else ()
            except (UnavailableError, TimeoutError) as error:
                return [Reading(STORE_SILENT, "", 1.0, str(error))]
        rate = max(0, head - self._head.before(now, head)) / WINDOW_SECONDS
        readings = [Reading(STORE_SILENT, "", 0.0), *(each for view in views for each in _of_view(view))]
        return readings if fence is None else [*readings, Reading(EVENTS_MANY, "", rate)]

    def _of_this_process(self, now: float) -> Iterator[Reading]:
        answers = self._watched.measures.answer_times()
        before = self._answers.before(now, answers) or [0] * len(answers)
        counts = [count - was for count, was in zip(answers, before, strict=True)]
        slow = quantile(0.99, counts) if sum(counts) >= LEAST_QUESTIONS else None
        yield Reading(QUERIES_SLOW, "", slow or 0.0)
        projectors = [projector.status() for projector in self._watched.projectors.values()]
        failed = sum(each.failed for each in projectors)
        yield Reading(FOLDS_FAILING, "", failed - self._failed.before(now, failed))
        for each in projectors:
            yield Reading(VIEW_STOPPED, each.view, float(each.state == "stopped"), _why(each))
        for view, rows in self._watched.drifted().items():
            yield Reading(ROWS_DRIFTED, view, rows, drift_remedy(view))

    async def _tell(self, alert: Alert) -> None:
        if alert.is_raised:
            _log.warning("alert %s: %s", alert.name, alert.text)
        else:
            _log.info("alert %s is over: %s", alert.name, alert.text)
        for hook in self._hooks:
            try:
                await _told(hook, alert)
            except Exception:  # noqa: BLE001 - a hook is somebody else's code; the others are still called
                _log.exception("a hook failed at the alert %s", alert.name)


async def _told(hook: AlertHook, alert: Alert) -> None:
    async with asyncio.timeout(HOOK_SECONDS):
        told = hook(alert)
        if inspect.isawaitable(told):
            await told


def alert_worker(watched: Watched, config: Config, hooks: Sequence[AlertHook], clock: Clock, claim: Claim) -> Worker:
    """The worker that watches, with the limits of *config*."""
    watch = AlertWatch(watched, rules_of(config), hooks, clock, claim)
    return Worker("alerts", watch.step, max_idle=config.idle_wait, clock=clock)


def _of_view(view: ReaderStatus) -> Iterator[Reading]:
    yield Reading(VIEW_BEHIND, view.name, view.lag_seconds)
    yield Reading(ROWS_PARKED, view.name, view.parked_keys)


def _why(projector: ProjectorStatus) -> str:
    return "" if projector.error is None else f"{projector.error}; {projector.remedy}"
