"""One lease as this process has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from twofold.clock import Clock, SystemClock


class Claim:
    """What a process may do only while it holds a lease looks at its claim before each step.

    Time runs out by itself: a claim that has not been renewed is over, whether or not anybody could be asked. It is
    measured from before the request that was granted, so that it never lasts longer here than in the store.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self._clock = clock or SystemClock()
        self._fence: int | None = None
        self._until = 0.0
        self._is_leaving = False
        self._working = 0
        self.is_wanted = True

    @property
    def fence(self) -> int | None:
        """The number that the lease was given out with, while it is held here and not about to be handed over."""
        return self._fence if self.is_held and not self._is_leaving else None

    @property
    def is_held(self) -> bool:
        """Whether the lease is held here."""
        return self._fence is not None and self._clock.monotonic() < self._until

    @property
    def is_working(self) -> bool:
        """Whether a step is under way that relies on the lease."""
        return self._working > 0

    @contextmanager
    def working(self) -> Iterator[int | None]:
        """Gives the fence, None when there must be no step now; meanwhile the lease is not handed over."""
        self._working += 1
        try:
            yield self.fence
        finally:
            self._working -= 1

    def hold(self, fence: int, until: float) -> None:
        """The lease is held with this number until that time (seconds, monotonic)."""
        self._fence, self._until, self._is_leaving = fence, until, False

    def leave(self) -> None:
        """Begin no further step: the lease is about to be handed over."""
        self._is_leaving = True

    def let_go(self) -> None:
        """The lease is not wanted any more: begin no further step."""
        self.is_wanted, self._is_leaving = False, True

    def end(self) -> bool:
        """The lease is not held here any more; returns whether it had been, since `hold` or until its time ran out."""
        had = self._fence is not None
        self._fence, self._is_leaving = None, False
        return had


def uncontested(fence: int = 0) -> Claim:
    """A claim that nobody disputes, held for ever: for whoever runs something alone."""
    claim = Claim("")
    claim.hold(fence, inf)
    return claim
