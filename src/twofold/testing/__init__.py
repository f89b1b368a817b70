"""The kit shipped to users: given/when/then, an app in memory, a virtual clock, fault wrappers, contract suites."""

from twofold.testing import faults
from twofold.testing.app import memory_app
from twofold.testing.clock import ManualClock
from twofold.testing.failures import ImpureFoldError, ScenarioFailedError, StateChangedError, UnstorableError
from twofold.testing.scenario import scenario

__all__ = [
    "ImpureFoldError",
    "ManualClock",
    "ScenarioFailedError",
    "StateChangedError",
    "UnstorableError",
    "faults",
    "memory_app",
    "scenario",
]
