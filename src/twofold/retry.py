"""How often, and after how long, something is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter, capped.

    Args:
        max_attempts: tries in all; 0 means for ever.
        first_delay: seconds before the second try, before jitter.
        max_delay: seconds, the cap of any one delay.
    """

    max_attempts: int = 0
    first_delay: float = 0.05
    max_delay: float = 5.0

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after failed try number *attempt* (the first is 1)."""
        ceiling: float = min(self.max_delay, self.first_delay * 2 ** min(attempt - 1, 30))
        return ceiling * (0.5 + rng.random() / 2)

    def exhausted(self, attempt: int) -> bool:
        """True when try number *attempt* was the last one."""
        return bool(self.max_attempts) and attempt >= self.max_attempts
