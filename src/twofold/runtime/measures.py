"""What a process has counted and timed, in plain numbers, and as whoever shows it takes it: families of samples."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OTHER = "other"


class Histogram:
    """How many observations fell into which bucket, and their sum. A bound belongs to the bucket that it ends."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count *value*."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


def quantile(share: float, counts: Sequence[int], bounds: Sequence[float] = SECONDS) -> float | None:
    """The value that *share* (0 to 1) of the observations do not pass, as near as the buckets tell; None without any.

    As Prometheus' `histogram_quantile` has it: evenly spread within a bucket, and at most the highest bound.
    """
    wanted, below = share * sum(counts), 0
    if not wanted:
        return None
    for place, count in enumerate(counts[:-1]):
        if below + count >= wanted:
            low = bounds[place - 1] if place else 0.0
            return low + (bounds[place] - low) * (wanted - below) / count
        below += count
    return bounds[-1]


class Tally(dict[tuple[str, ...], int]):
    """Counts by labels. Of labels that chance or users choose at most *most* are told apart; the rest is `OTHER`."""

    def __init__(self, most: int = 200) -> None:
        super().__init__()
        self._most = most

    def add(self, *labels: str) -> None:
        """Count one more."""
        if labels in self:
            self[labels] += 1
        elif len(self) < self._most:
            self[labels] = 1
        else:
            other = (*labels[:-1], OTHER)
            self[other] = self.get(other, 0) + 1


class Sample(NamedTuple):
    """One time series of a family: the values of its labels, and its value or histogram."""

    labels: tuple[str, ...]
    value: float | Histogram


class Family(NamedTuple):
    """A metric: its name (a counter's without `_total`), kind, meaning, the names of its labels, and its samples."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: tuple[str, ...]
    samples: Sequence[Sample]


def counter(name: str, text: str, labels: tuple[str, ...], counts: Mapping[tuple[str, ...], float]) -> Family:
    """A family of what only rises."""
    return Family(name, "counter", text, labels, [Sample(*each) for each in counts.items()])


def gauge(name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Family:
    """A family of what rises and falls."""
    return Family(name, "gauge", text, labels, [Sample(*each) for each in values.items()])


def histogram(name: str, text: str, labels: tuple[str, ...], found: Mapping[tuple[str, ...], Histogram]) -> Family:
    """A family of histograms."""
    return Family(name, "histogram", text, labels, [Sample(*each) for each in found.items()])
