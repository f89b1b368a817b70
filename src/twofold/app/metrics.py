"""All that is known of an open app at one moment, as numbers: what /metrics shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple, Protocol

from twofold.app.health_check import HealthCheck
from twofold.app.measured.process import Measures
from twofold.app.measured.stores import Found, found_in, store_families
from twofold.app.measured.views import process_families, projector_families, view_families
from twofold.errors import ExtraMissingError, UnavailableError
from twofold.event_store.store import Log
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
    """Where the numbers come from. `holds` says of each lease that this process wants whether it holds it."""

    measures: Measures
    check: HealthCheck
    log: Log
    projectors: Mapping[str, Projecting]
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

    async def families(self) -> list[Family]:
        """Everything. Of stores that do not answer in time `twofold_store_up` 0 is shown, and the rest without them."""
        try:
            async with asyncio.timeout(self._store_seconds):
                views = await self._sources.check.views(MAX_AGE)
                found = await found_in(self._sources.log)
        except (UnavailableError, TimeoutError):
            return [*self._of_this_process(()), _up(is_up=False)]
        return [*self._of_this_process(views), *_of_the_stores(views, found), _up(is_up=True)]

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Everything in the text format of Prometheus that *accept* asks for, and its media type.

        The process's default registry of prometheus-client is part of it. Raises ExtraMissingError without that.
        """
        try:
            exposition = import_module("twofold.adapters.prometheus.exposition")
        except ImportError as error:
            raise ExtraMissingError("metrics", "/metrics") from error
        text: tuple[bytes, str] = exposition.exposition(await self.families(), accept)
        return text

    def _of_this_process(self, views: Sequence[ReaderStatus]) -> Iterator[Family]:
        sources = self._sources
        info = gauge("twofold_info", "What runs here.", tuple(self._about), {tuple(self._about.values()): 1.0})
        yield info
        yield from sources.measures.families()
        yield from projector_families(projector.status() for projector in sources.projectors.values())
        yield from process_families(sources.check.of(views), sources.holds())


def _of_the_stores(views: Sequence[ReaderStatus], found: Found) -> Iterable[Family]:
    yield from view_families(views)
    yield from store_families(found)


def _up(*, is_up: bool) -> Family:
    return gauge("twofold_store_up", "0 when the stores did not answer.", (), {(): float(is_up)})
