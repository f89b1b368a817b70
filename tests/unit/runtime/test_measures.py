"""Counting and timing: every observation is in exactly one bucket, and labels cannot fill the memory."""

from __future__ import annotations

import random

import pytest

from twofold.runtime.measures import OTHER, SECONDS, Histogram, Tally, counter, gauge, histogram, quantile


def test_a_bound_belongs_to_the_bucket_that_it_ends() -> None:
    found = Histogram((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 2.0, 2.5, 99.0):
        found.observe(value)

    assert found.counts == [2, 2, 2]
    assert found.sum == pytest.approx(106.5)


def test_a_quantile_is_as_near_as_its_bucket() -> None:
    rng, seed = random.Random(), random.randrange(2**32)
    print("seed", seed)
    rng.seed(seed)
    values = sorted(rng.expovariate(20) for _ in range(2000))
    found = Histogram()
    for value in values:
        found.observe(value)

    for share in (0.5, 0.9, 0.99):
        exact = values[round(share * len(values)) - 1]
        low = max((bound for bound in SECONDS if bound < exact), default=0.0)
        high = min(bound for bound in SECONDS if bound >= exact)
        assert low <= (quantile(share, found.counts) or 0.0) <= high


def test_a_quantile_is_spread_evenly_within_its_bucket() -> None:
    assert quantile(0.5, [0, 10, 0], (1.0, 2.0)) == pytest.approx(1.5)


def test_what_is_beyond_the_last_bound_counts_as_the_last_bound() -> None:
    assert quantile(0.99, [0, 1, 99], (1.0, 2.0)) == 2.0


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile(0.99, [0, 0, 0], (1.0, 2.0)) is None


def test_a_tally_tells_no_more_apart_than_it_was_told_to() -> None:
    tally = Tally(most=3)

    for number in range(1000):
        tally.add("rejected", f"code-{number}")

    assert len(tally) == 4
    assert tally["rejected", OTHER] == 997
    assert sum(tally.values()) == 1000


def test_labels_that_are_known_count_on_when_a_tally_is_full() -> None:
    tally = Tally(most=1)

    for label in ("a", "b", "a"):
        tally.add(label)

    assert tally == {("a",): 2, (OTHER,): 1}


def test_families_hold_one_sample_for_each_combination_of_labels() -> None:
    times = Histogram()

    assert counter("c", "text", ("a",), {("x",): 1, ("y",): 2}).samples == [(("x",), 1), (("y",), 2)]
    assert gauge("g", "text", (), {(): 2.5}).samples == [((), 2.5)]
    assert histogram("h", "text", (), {(): times}).samples == [((), times)]
