"""The workers of an app: what each one repeats, and which of them one process at a time may do."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from twofold.clock import Clock
from twofold.config import Config
from twofold.event_store.store import Log
from twofold.read.runner import Runner
from twofold.retry import RetryPolicy
from twofold.runtime.keeper import RENEWALS, Keeper, leased
from twofold.runtime.worker import Worker
from twofold.write.queue_processor import QueueProcessor

EXPIRED_AT_ONCE = 1000
LOOK_SECONDS = 0.25
"""How soon a process that comes or leaves is noticed by the others."""


def member_name() -> str:
    """A name for this process that tells people where it is, and that no other one has or had."""
    return f"{socket.gethostname()} {os.getpid()} {uuid4().hex[:12]}"


def workers_of(
    app: str,
    config: Config,
    clock: Clock,
    log: Log,
    keeper: Keeper,
    *,
    projectors: Mapping[str, Runner],
    queue: QueueProcessor,
    snapshots: Callable[[], Awaitable[int]],
) -> list[Worker]:
    """Every worker of an open app. The keeper of leases comes first: a first step of all of them does everything.

    Views, queued commands and the expiry of outcomes are each done by one process at a time.
    """
    options: dict[str, Any] = {
        "retry": RetryPolicy(first_delay=config.retry_first, max_delay=config.retry_max),
        "max_idle": config.idle_wait,
        "clock": clock,
    }
    workers = [_keeping(config, clock, keeper)]
    workers += [
        Worker(f"view {name}", each.step, partial(_news, log, keeper, each), **options)
        for name, each in projectors.items()
    ]
    workers.append(Worker("snapshots", snapshots, **options))
    queued = leased(keeper.claim(f"queued commands of {app}"), queue.step)
    workers.append(Worker("queued commands", queued, queue.wait, **options))
    if config.outcome_retention is not None:
        expiry = leased(keeper.claim("outcome expiry"), _expiry(config.outcome_retention, clock, log))
        workers.append(Worker("outcome expiry", expiry, **options))
    return workers


def _keeping(config: Config, clock: Clock, keeper: Keeper) -> Worker:
    """It looks often enough to renew in time even after a failure."""
    often = min(config.lease_seconds / RENEWALS / 2, LOOK_SECONDS)
    retry = RetryPolicy(first_delay=min(config.retry_first, often), max_delay=min(config.retry_max, often))
    return Worker("leases", keeper.step, retry=retry, max_idle=min(config.idle_wait, often), clock=clock)


async def _news(log: Log, keeper: Keeper, reader: Runner, seconds: float) -> bool:
    """Wait for events behind the least of the shards that are run here, or for a lease."""
    position = reader.awaits
    if position is None:
        return await keeper.changed(seconds)
    return await log.events.wait(position, seconds)


def _expiry(days: float, clock: Clock, log: Log) -> Callable[[], Awaitable[int]]:
    async def step() -> int:
        return await log.outcomes.expire(clock.now_micros() - int(days * 86_400e6), EXPIRED_AT_ONCE)

    return step
