"""The shop as four processes on PostgreSQL, killed and stopped at random: nothing is lost, doubled or skipped.

`TWOFOLD_CHAOS_SECONDS` makes it longer (`make chaos`), `TWOFOLD_SEED` repeats what chance has chosen.
"""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.chaos.havoc import Outcome, wreak
from tests.faults.chaos.oracle import OK, faults

SECONDS = float(os.environ.get("TWOFOLD_CHAOS_SECONDS") or 20)


@pytest.mark.slow
def test_processes_killed_and_stopped_at_random_lose_double_and_skip_nothing(postgres_url: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("TWOFOLD_SEED") or random.SystemRandom().getrandbits(32))
    print(f"TWOFOLD_SEED={seed}")

    outcome = wreak(postgres_url, tmp_path / "journal", SECONDS, seed)

    answers = Counter(str(entry.get("status", "stale")) for entry in outcome.told)
    print(f"{outcome.kills} kills, {outcome.stops} stops, {dict(answers)}, {len(outcome.seen.events)} events")
    assert faults(outcome.told, outcome.seen) == []
    assert outcome.kills, "nobody was killed: the test shows nothing"
    assert answers["200"] > 100, "too little was bought: the test shows nothing"
    assert answers["422"], "nothing was refused: the test shows nothing of refusals"
    every_planted_fault_is_found(outcome)


def every_planted_fault_is_found(outcome: Outcome) -> None:
    """The check of the check: the same run, with one thing wrong with it each time."""
    told = [entry for entry in outcome.told if entry.get("status") == OK]
    order = told[0]["body"]["order_id"]
    for plant in (lose_an_event, double_an_event, lose_an_outcome, double_an_outcome, skip_a_row, double_a_row):
        seen = copy.deepcopy(outcome.seen)
        plant(seen, order)
        assert faults(outcome.told, seen), plant.__name__
    assert faults([entry for entry in outcome.told if entry is not told[0]], outcome.seen)
    assert faults([*outcome.told, {"stale": order, "expected": "paid", "found": "placed"}], outcome.seen)


def lose_an_event(seen, _order):
    del seen.events[len(seen.events) // 2]


def double_an_event(seen, _order):
    position, stream, version, name = seen.events[-1]
    seen.events.append((position + 1, stream, version + 1, name))


def lose_an_outcome(seen, _order):
    seen.outcomes.pop()


def double_an_outcome(seen, _order):
    seen.outcomes.append(seen.outcomes[0])


def skip_a_row(seen, order):
    del seen.views["OrderPage"][order]


def double_a_row(seen, _order):
    key, (orders, *rest) = next(iter(seen.views["CustomerDashboard"].items()))
    seen.views["CustomerDashboard"][key] = (orders + 1, *rest)
