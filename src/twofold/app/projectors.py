"""Who runs the views of an app in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twofold.app.catalog import Catalog
from twofold.app.stores import OpenViewStore
from twofold.clock import Clock
from twofold.config import Config
from twofold.event_store.store import Log
from twofold.read.copies import Copies, Policy
from twofold.read.follower import Paging
from twofold.read.generations import Status
from twofold.read.lot import Parks
from twofold.read.operations import Operated, ViewOperations
from twofold.read.projector import ViewProjector
from twofold.read.projector_runner import ProjectorRunner
from twofold.read.runner import Runner
from twofold.read.shards import Shards, lease_name
from twofold.read.source import Source
from twofold.read.tailer import Tailer
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Generation
from twofold.retry import RetryPolicy
from twofold.runtime.keeper import Keeper


def projectors_of(
    catalog: Catalog, config: Config, clock: Clock, log: Log, rows: OpenViewStore, keeper: Keeper
) -> dict[str, Runner]:
    """One for each view and each raw projector, by name."""
    paging = Paging(config.page_events, config.page_bytes)
    source, reader, claims = Tailer(log.events), catalog.event_reader, keeper.claim
    policy = Policy(config.rebuild == "auto", config.promote == "auto", config.keep_generations, config.rebuild_rate)

    parked = Parks(config.parked_keys, config.parked_events, RetryPolicy(0, 1.0, config.parked_retry), clock)

    def copies(view: ViewDefinition[Any]) -> Copies:
        def fold(generation: Generation) -> Shards:
            parks = parked if generation.status == Status.LIVE else None
            options: dict[str, Any] = {"claims": claims, "paging": paging, "parks": parks, "generation": generation}
            return ViewProjector(view, source, reader, rows, **options)

        return Copies(
            view.table, source, rows, fold,
            shards=view.spread.shards, policy=policy, clock=clock, is_orphan=_is_orphan(keeper, rows),
        )  # fmt: skip

    runners: dict[str, Runner] = {name: copies(view) for name, view in catalog.views.items()}
    for name, projector in catalog.projectors.items():
        runners[name] = ProjectorRunner(projector, source, reader, rows, claims=claims, paging=paging)
    return runners


def operations_of(catalog: Catalog, source: Source, rows: OpenViewStore) -> ViewOperations:
    """What operators do to the views of an app."""
    views = {name: Operated(view.table, view.spread.shards) for name, view in catalog.views.items()}
    return ViewOperations(views, source, rows)


def _is_orphan(keeper: Keeper, rows: OpenViewStore) -> Callable[[Generation], bool]:
    """Whoever folds a generation wants its leases, so that one whose leases nobody wants is folded by nobody."""

    def is_orphan(generation: Generation) -> bool:
        return not any(keeper.is_wanted(lease_name(rows, generation, shard)) for shard in range(generation.shards))

    return is_orphan
