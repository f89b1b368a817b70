"""Puts the rooms together over open stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from twofold.app.alerting import Watched, alert_worker
from twofold.app.health_check import HealthCheck
from twofold.app.measured.process import Measures, NoMeasures, ProcessMeasures
from twofold.app.metrics import Metrics, Sources
from twofold.app.open_app import Engine, OpenApp
from twofold.app.projectors import operations_of, projectors_of
from twofold.app.reads import Reads
from twofold.app.stores import OpenViewStore
from twofold.app.verification import verifier_of, verifier_worker
from twofold.app.workers import member_name, workers_of
from twofold.clock import Clock, Ids
from twofold.config import Config
from twofold.errors import ConfigError, InputError
from twofold.event_store.store import Log, QueuedCommand
from twofold.messages.fingerprint import fingerprint
from twofold.messages.message_types import MessageType
from twofold.pipeline.authorisation import authorising
from twofold.pipeline.context import Context
from twofold.pipeline.middleware import Endpoint, Middleware
from twofold.read.dead_letters import DeadLetters
from twofold.read.lag import LagMeter
from twofold.read.news import Announcing
from twofold.read.raw_projector import projector_table
from twofold.runtime.claim import uncontested
from twofold.runtime.keeper import Keeper
from twofold.runtime.supervisor import Supervisor
from twofold.write.aggregate import AggregateDefinition, Decision
from twofold.write.answering import Answering
from twofold.write.command_bus import CommandBus
from twofold.write.committer import Committer
from twofold.write.deciding import Desk, on_aggregate, record_copy, record_refusal
from twofold.write.handling import Handler
from twofold.write.queue_processor import QueueProcessor
from twofold.write.repository import Repository
from twofold.write.snapshotter import Snapshotter
from twofold.write.states import States
from twofold.write.streams import Streams, on_streams
from twofold.write.unit_of_work import StateStored

if TYPE_CHECKING:  # app imports wiring; the arrow back is only a type
    from twofold.app.app import App
    from twofold.app.catalog import Catalog


def wire(app: App, config: Config, clock: Clock, log: Log, rows: OpenViewStore) -> OpenApp:
    """Everything that an open app consists of, not started yet."""
    catalog = app.catalog
    measures: Measures = ProcessMeasures(catalog.commands.values()) if config.metrics else NoMeasures()
    desk = _desk(catalog, config, clock, log, measures)
    middlewares = _middlewares(app)
    endpoints = {
        command: (catalog.types.of(command), _endpoint(catalog, command, handler, desk, log, config))
        for command, handler in catalog.handlers.items()
    }
    bus = CommandBus(
        endpoints,
        middlewares,
        attempts=config.conflict_attempts,
        in_flight_wait=config.in_flight_wait,
        replay_or=desk.answering.replay_or,
        note_conflict=measures.conflicted,
    )
    keeper = Keeper(log.leases, member_name(), clock, seconds=config.lease_seconds)
    projectors = projectors_of(catalog, config, clock, log, rows, keeper)
    send = measures.send(bus.send)
    queue = QueueProcessor(log.queue, catalog.types, send, _refusing(desk), _copied(desk), clock)
    reads = Reads(catalog, config, clock, log, rows, projectors=projectors, middlewares=middlewares, measures=measures)
    if isinstance(rows, Announcing):
        rows.listen(reads.freshness.hear)
    snapshots = desk.snapshotter.step
    workers = workers_of(app.name, config, clock, log, keeper, projectors=projectors, queue=queue, snapshots=snapshots)
    tables = [view.table for view in catalog.views.values()] + [*map(projector_table, catalog.projectors.values())]
    lag = LagMeter(log.events, rows, tables, clock, objective=config.lag_objective)
    claim = keeper.claim(f"verifier of {app.name}") if config.verify_share else uncontested()
    verifier = verifier_of(catalog, config, clock, log, rows, claim)
    workers += verifier_worker(verifier, config, clock)
    watched = Watched(log.events, lag, measures, projectors, verifier.drifted)
    workers.append(alert_worker(watched, config, app.on_alert, clock, keeper.claim(f"alerts of {app.name}")))
    supervisor = Supervisor(workers, drain_seconds=config.drain_seconds)
    check = HealthCheck(lag, projectors, supervisor, objective=config.lag_objective, drifted=verifier.drifted)
    sources = Sources(measures, check, log, projectors, verifier.drifted, verifier.all_found, keeper.holds)
    metrics = Metrics(sources, {"app": app.name, "version": app.version})
    letters = DeadLetters(catalog.views, log.events, rows, clock)
    read = (reads, projectors, operations_of(catalog, log.events, rows), letters, verifier)
    return OpenApp(app, Engine(config, log, desk, send, queue, *read, keeper, supervisor, check, metrics))


def _desk(catalog: Catalog, config: Config, clock: Clock, log: Log, measures: Measures) -> Desk:
    states = States(config.aggregate_cache)
    fingerprints = {name: fingerprint(each.cls, *catalog.upcasters) for name, each in catalog.aggregates.items()}
    repository = Repository(log.events, log.snapshots, catalog.event_reader, states, fingerprints)
    committer = Committer(
        measures.events(log.events), states, max_writes=config.commit_writes, max_bytes=config.commit_bytes
    )
    events: dict[type, MessageType] = {each.cls: each for each in catalog.events.values()}
    snapshotter = Snapshotter(repository, catalog.aggregates, config.snapshot_every)
    return Desk(committer, repository, states, events, Answering(log.events, log.outcomes), Ids(clock), snapshotter)


def _middlewares(app: App) -> tuple[Middleware, ...]:
    return (*app.middleware, authorising(app.authorize)) if app.authorize is not None else app.middleware


def _endpoint(
    catalog: Catalog,
    command: type,
    handler: tuple[AggregateDefinition, Decision] | Handler,
    desk: Desk,
    log: Log,
    config: Config,
) -> Endpoint:
    name = catalog.types.of(command).name
    if not isinstance(handler, Handler):
        return on_aggregate(*handler, name, desk)
    if handler.works_with is Streams:
        definitions: dict[type, AggregateDefinition] = {each.cls: each for each in catalog.aggregates.values()}
        return on_streams(handler.function, name, definitions, desk)
    if log.transactions is None:
        raise ConfigError([f"{name} is state-stored and needs a log with SQL, not memory://"])
    return StateStored(handler.function, name, log.transactions, desk, config.unit_of_work, handler.events)


def _refusing(desk: Desk) -> Callable[[QueuedCommand, InputError], Awaitable[None]]:
    async def refuse(queued: QueuedCommand, error: InputError) -> None:
        await record_refusal(desk, queued.message_id, queued.command, error)

    return refuse


def _copied(desk: Desk) -> Callable[[QueuedCommand, Context], Awaitable[None]]:
    async def copied(queued: QueuedCommand, context: Context) -> None:
        await record_copy(desk, queued.message_id, queued.command, context)

    return copied
