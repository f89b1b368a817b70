"""Every log of commands keeps its contract."""

from __future__ import annotations

from twofold.testing.contracts.outcomes import ExpiryContract, OutcomeContract, RecentOutcomesContract


class TestOutcomes(OutcomeContract): ...


class TestRecentOutcomes(RecentOutcomesContract): ...


class TestExpiry(ExpiryContract): ...
