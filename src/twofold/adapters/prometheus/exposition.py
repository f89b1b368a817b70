"""Families of numbers in the text format of Prometheus, beside what the process has put into the default registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from twofold.runtime.measures import Family, Histogram


def exposition(families: Sequence[Family], accept: str, *, alone: bool = False) -> tuple[bytes, str]:
    """*families* and, unless *alone*, the default registry, in the format that *accept* asks for; its media type."""
    encode, media_type = choose_encoder(accept)
    beside = CollectorRegistry() if alone else REGISTRY
    return encode(_Everything(families, beside)), media_type


class _Everything:
    """Looks like a registry."""

    def __init__(self, families: Sequence[Family], beside: CollectorRegistry) -> None:
        self._families, self._beside = families, beside

    def collect(self) -> Iterator[Metric]:
        """Every metric; those of the registry come first."""
        yield from self._beside.collect()
        yield from map(_metric, self._families)


def _metric(family: Family) -> Metric:
    metric = Metric(family.name, family.text, family.kind)
    for values, value in family.samples:
        labels = dict(zip(family.labels, values, strict=True))
        if isinstance(value, Histogram):
            _add_histogram(metric, labels, value)
        else:
            metric.add_sample(family.name + ("_total" if family.kind == "counter" else ""), labels, value)
    return metric


def _add_histogram(metric: Metric, labels: dict[str, str], found: Histogram) -> None:
    bounds = (*map(str, found.bounds), "+Inf")
    for bound, count in zip(bounds, accumulate(found.counts), strict=True):
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, count)
    metric.add_sample(f"{metric.name}_count", labels, sum(found.counts))
    metric.add_sample(f"{metric.name}_sum", labels, found.sum)
