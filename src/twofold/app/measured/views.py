"""What is known of views and workers, as families."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from twofold.read.status import ProjectorStatus
from twofold.runtime.health import Health, ReaderStatus
from twofold.runtime.measures import Family, counter, gauge

STATES = ("starting", "live", "catching-up", "rebuilding", "paused", "stopped")
"""Every word that a view's state can be."""


def view_families(views: Sequence[ReaderStatus]) -> Iterator[Family]:
    """How far each view is, as the stores show it: every process finds the same."""
    one = ("view",)
    text = "Positions of the log behind a view's checkpoint."
    yield gauge("twofold_view_lag_events", text, one, _by_view(views, "lag_events"))
    text = "Age of the oldest event behind a view's checkpoint, in seconds; 0 when there is none."
    yield gauge("twofold_view_lag_seconds", text, one, _by_view(views, "lag_seconds"))
    text = "Position of the log that a view has reached; of its shards the one that is least far counts."
    yield gauge("twofold_view_position", text, one, _by_view(views, "position"))
    text = "Positions a second by which a view's checkpoint has moved lately, as this process has seen it."
    rates: dict[tuple[str, ...], float] = {(each.name,): each.rate for each in views if each.rate is not None}
    yield gauge("twofold_view_rate", text, one, rates)
    text = "Rows that failed to fold and wait with their events."
    yield gauge("twofold_view_parked_keys", text, one, _by_view(views, "parked_keys"))
    text = "Number of the built copy that answers; 0 when there is none."
    yield gauge("twofold_view_generation", text, one, _by_view(views, "generation"))
    text = "1 for the state that a view is in, 0 for the others."
    states: dict[tuple[str, ...], float] = {
        (each.name, state): state == each.state for each in views for state in STATES
    }
    yield gauge("twofold_view_state", text, ("view", "state"), states)


def projector_families(projectors: Iterable[ProjectorStatus], drifted: Mapping[str, int]) -> Iterator[Family]:
    """What this process knows of views: what it has folded, what stopped it, and what its verifier found."""
    found = list(projectors)
    text = "Events that this process has folded into a view."
    yield counter("twofold_view_folded_events", text, ("view",), {(each.view,): each.folded for each in found})
    text = "Folds that have failed in this process, tries again included."
    yield counter("twofold_view_failed_folds", text, ("view",), {(each.view,): each.failed for each in found})
    text = "1 when a view, or a shard of it, that this process runs is stopped."
    yield gauge("twofold_view_stopped", text, ("view",), {(each.view,): each.state == "stopped" for each in found})
    text = "Rows that this process's verifier found to differ from what their events fold to."
    yield gauge(
        "twofold_view_drifted_keys", text, ("view",), {(each.view,): drifted.get(each.view, 0) for each in found}
    )


def process_families(health: Health, leases: Mapping[str, bool]) -> Iterator[Family]:
    """How the workers of this process are, and which of the leases it wants it holds."""
    yield gauge("twofold_live", "0 when only a restart of this process can help.", (), {(): health.live})
    yield gauge("twofold_ready", "1 when this process should be sent traffic.", (), {(): health.ready})
    text = "Failures in a row of a worker of this process since its last good step."
    failures: dict[tuple[str, ...], float] = {(each.name,): each.failures for each in health.workers}
    yield gauge("twofold_worker_failures", text, ("worker",), failures)
    text = "What the steps of a worker of this process have moved."
    moved: dict[tuple[str, ...], float] = {(each.name,): each.moved for each in health.workers}
    yield counter("twofold_worker_moved", text, ("worker",), moved)
    text = "How often a worker of this process had to be started again."
    restarts: dict[tuple[str, ...], float] = {(each.name,): each.restarts for each in health.workers}
    yield counter("twofold_worker_restarts", text, ("worker",), restarts)
    yield gauge("twofold_leases_held", "Leases that this process holds.", (), {(): sum(leases.values())})
    yield gauge("twofold_leases_wanted", "Leases that this process would hold if it were alone.", (), {(): len(leases)})


def _by_view(views: Sequence[ReaderStatus], name: str) -> dict[tuple[str, ...], float]:
    return {(each.name,): getattr(each, name) for each in views}
