"""Memory is bounded by settings, not by history: a view with large rows catches up with a long log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.markdown import ROOT

EVENTS = int(os.environ.get("TWOFOLD_TEST_EVENTS", "100000"))
GROWTH = 16 * 1024 * 1024
"""Bytes by which a process may grow between the second and the last tenth of a catch-up."""


def memory_of(url: str, events: int, *planted: str) -> list[int]:
    """What a process that catches up takes (bytes), after each tenth."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.large_rows", url, str(events), *planted],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/src"}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


def growth(taken: list[int]) -> int:
    return max(taken[1:]) - taken[1]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(lasting_url: str) -> None:
    taken = memory_of(lasting_url, EVENTS)

    print(f"{EVENTS:,} events: {[each >> 20 for each in taken]} MB")
    assert len(taken) > 5
    assert growth(taken) < GROWTH


@pytest.mark.slow
def test_a_planted_hoard_is_found(tmp_path: Path) -> None:
    assert growth(memory_of(f"sqlite:///{tmp_path}/log.db", EVENTS, "hoard")) > GROWTH
