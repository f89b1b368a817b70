"""All that is known of an open app at one moment, as numbers: what /metrics shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple, Protocol

from twofold.app.health_check import HealthCheck
from twofold.app.measured.process import Measures
from twofold.app.measured.stores import found_in, store_families
from twofold.app.measured.verified import verified_families
from twofold.app.measured.views import process_families, projector_families, view_families
from twofold.errors import ExtraMissingError, UnavailableError
from twofold.event_store.store import Log
from twofold.read.findings import Findings
from twofold.read.status import ProjectorStatus
from twofold.runtime.health import ReaderStatus
from twofold.runtime.measures import Family, gauge

STORE_SECONDS = 3.0
"""How long the stores may take to answer before everything else is shown without them."""
MAX_AGE = 0.5


class Projecting(Protocol):
    """Runs a view in this process."""

    def status(self) -> ProjectorStatus:
        """Where the view is, and what this process has done for it."""


class Sources(NamedTuple):
    """Where the numbers come from.

    `drifted` says how many rows of each view this process's verifier found to differ, `holds` of each lease that this
    process wants whether it holds it.
    """

    measures: Measures
    check: HealthCheck
    log: Log
    projectors: Mapping[str, Projecting]
    drifted: Callable[[], Mapping[str, int]]
    verified: Callable[[], Mapping[str, Findings]]
    holds: Callable[[], Mapping[str, bool]]


class Metrics:
    """Collects families: counters of this process, and what the stores show to every process alike.

    Args:
        sources: where the numbers come from.
        about: the labels of `twofold_info`.
        store_seconds: how long to wait for the stores.
    """

    def __init__(self, sources: Sources, about: Mapping[str, str], *, store_seconds: float = STORE_SECONDS) -> None:
        self._sources, self._about, self._store_seconds = sources, about, store_seconds

    async def families(self, *, only_shared: bool = False) -> list[Family]:
        """Everything; with *only_shared* what every process of the app shows alike.

        Of stores that do not answer in time `twofold_store_up` 0 is shown, and the rest without them.
        """
        try:
            async with asyncio.timeout(self._store_seconds):
                views = await self._sources.check.measured(MAX_AGE)
                found = await found_in(self._sources.log)
        except (UnavailableError, TimeoutError):
            shared, views = [self._info(), _up(is_up=False)], ()
        else:
            shared = [self._info(), _up(is_up=True), *store_families(found), *view_families(views)]
        return shared if only_shared else [*shared, *self._of_this_process(views)]

    async def exposition(self, accept: str = "", *, only_shared: bool = False) -> tuple[bytes, str]:
        """What `families` gives in the text format of Prometheus that *accept* asks for, and its media type.

        The process's default registry of prometheus-client is part of it, unless *only_shared*. Raises
        ExtraMissingError without prometheus-client.
        """
        try:
            exposition = import_module("twofold.adapters.prometheus.exposition")
        except ImportError as error:
            raise ExtraMissingError("metrics", "/metrics") from error
        families = await self.families(only_shared=only_shared)
        text: tuple[bytes, str] = exposition.exposition(families, accept, alone=only_shared)
        return text

    def _info(self) -> Family:
        return gauge("twofold_info", "What runs here.", tuple(self._about), {tuple(self._about.values()): 1.0})

    def _of_this_process(self, views: Sequence[ReaderStatus]) -> Iterator[Family]:
        sources = self._sources
        yield from sources.measures.families()
        statuses = [projector.status() for projector in sources.projectors.values()]
        yield from projector_families(statuses, sources.drifted())
        yield from verified_families(sources.verified())
        yield from process_families(sources.check.of(sources.check.explained(views)), sources.holds())


def _up(*, is_up: bool) -> Family:
    return gauge("twofold_store_up", "0 when the stores did not answer.", (), {(): float(is_up)})
