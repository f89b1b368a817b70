"""Reading what was measured."""

from __future__ import annotations

from collections.abc import Iterable

from twofold.runtime.measures import Family, Histogram


def values(families: Iterable[Family], name: str) -> dict[tuple[str, ...], float]:
    """The samples of the family *name*; of histograms how many were observed."""
    (family,) = (each for each in families if each.name == name)
    return {
        labels: sum(value.counts) if isinstance(value, Histogram) else value
        for labels, value in family.samples
        if isinstance(value, Histogram) or value
    }
