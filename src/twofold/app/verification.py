"""Who compares the rows of an app with their events."""

from __future__ import annotations

import random

from twofold.app.catalog import Catalog
from twofold.app.homes import homes_of
from twofold.app.stores import OpenViewStore
from twofold.clock import Clock
from twofold.config import Config
from twofold.event_store.store import Log
from twofold.read.follower import Paging
from twofold.read.past import Past
from twofold.read.verifier import Verifier
from twofold.read.view_verifier import ViewVerifier
from twofold.retry import RetryPolicy
from twofold.runtime.claim import Claim
from twofold.runtime.worker import Worker


def verifier_of(
    catalog: Catalog, config: Config, clock: Clock, log: Log, rows: OpenViewStore, claim: Claim
) -> Verifier:
    """The verifier of all views; it works by itself only where `verifier_worker` runs it."""
    past = Past(
        log.events, catalog.event_reader, homes_of(catalog), paging=Paging(config.page_events, config.page_bytes)
    )
    rng = random.Random()  # noqa: S311 - where to begin, not a secret
    views = [
        ViewVerifier(view, past, log.events, rows, clock, keys=config.verify_keys, rng=rng)
        for view in catalog.views.values()
    ]
    return Verifier(views, clock, claim=claim, share=config.verify_share / 100, every=config.verify_every)


def verifier_worker(verifier: Verifier, config: Config, clock: Clock) -> list[Worker]:
    """The worker that verifies; none when it is turned off, or there is nothing to do."""
    if not config.verify_share or not verifier.views:
        return []
    retry = RetryPolicy(first_delay=config.retry_first, max_delay=config.retry_max)
    return [Worker("verifier", verifier.step, verifier.rest, retry=retry, max_idle=config.idle_wait, clock=clock)]
