"""The worker that compares rows with their events, all the time but never more than its share of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from twofold.clock import Clock
from twofold.errors import UnknownNameError
from twofold.read.findings import Findings
from twofold.read.view_verifier import ViewVerifier, Work
from twofold.runtime.claim import Claim, uncontested

FIRST = 5.0
"""Seconds after the start before it begins: what lives shorter has better things to do."""


class Verifier:
    """Looks at the rows of all views by turns. `step()` does one piece of work, when it is time for one.

    Args:
        views: what to look at.
        claim: it works only while this lease is held; nobody disputes it unless given.
        clock: measures what a piece took.
        share: the part of its time that `step` works at most, above 0 and up to 1; after each piece it rests.
        every: seconds from the beginning of one round through everything to that of the next, at least.
    """

    def __init__(
        self,
        views: Iterable[ViewVerifier],
        clock: Clock,
        *,
        claim: Claim | None = None,
        share: float = 0.01,
        every: float = 30.0,
    ) -> None:
        self.views: Mapping[str, ViewVerifier] = {view.definition.name: view for view in views}
        self._clock, self._claim = clock, claim or uncontested()
        self._share, self._every = share, every
        self._turns = deque(self.views)
        self._found: dict[str, Findings] = {}
        self._work: Work | None = None
        self._next_at: float | None = None
        self._began_at = 0.0

    def found(self, view: str) -> Findings:
        """What is known of *view*; nothing while another process looks at it. Raises UnknownNameError."""
        self._known(view)
        return self._found.get(view) or Findings(view)

    def all_found(self) -> Mapping[str, Findings]:
        """What is known of every view that this process looks at."""
        return self._found

    def drifted(self) -> dict[str, int]:
        """How many rows of each view are known to differ."""
        return {name: len(found.drifts) for name, found in self._found.items()}

    async def verify(
        self, view: str, most: int | None = None, *, told: Callable[[Findings], None] | None = None
    ) -> Findings:
        """Look at *view* now, all of it or *most* rows and as many keys of events, without a rest.

        *told* is called after each piece of work, with what was found so far. Raises UnknownNameError.
        """
        findings = Findings(view)
        async for _ in self._known(view).round(findings, most):
            if told is not None:
                told(findings)
            await asyncio.sleep(0)
        return findings

    async def step(self) -> int:
        """One piece of work, unless it is to rest. Returns 0: it moves nothing."""
        with self._claim.working() as fence:
            if fence is None:
                await self._forget()
            elif self._is_time():
                await self._piece()
        return 0

    async def rest(self, seconds: float) -> bool:
        """Wait until it is time for the next piece, at most *seconds*; so long while another process looks."""
        next_at = None if self._claim.fence is None else self._next_at
        left = seconds if next_at is None else next_at - self._clock.monotonic()
        await asyncio.sleep(max(0.0, min(seconds, left)))
        return False

    def _is_time(self) -> bool:
        now = self._clock.monotonic()
        if self._next_at is None:
            self._next_at = now + min(FIRST, self._every)
        return now >= self._next_at

    async def _piece(self) -> None:
        began_at = self._clock.monotonic()
        if self._work is None:
            self._work, self._began_at = self._rounds(), began_at
        try:
            is_over = await anext(self._work, None) is None
        except BaseException:
            self._work = None
            raise
        now = self._clock.monotonic()
        self._next_at = now + (now - began_at) * (1 / self._share - 1)
        if is_over:
            self._work = None
            self._next_at = max(self._next_at, self._began_at + self._every)

    async def _rounds(self) -> Work:
        """A round through every view; the one that fails is the last one next time."""
        for _ in range(len(self._turns)):
            name = self._turns[0]
            self._turns.rotate(-1)
            async for events in self.views[name].round(self._found.setdefault(name, Findings(name))):
                yield events

    async def _forget(self) -> None:
        """Whoever has the lease finds out by itself."""
        work, self._work = self._work, None
        self._found.clear()
        if work is not None:
            await work.aclose()

    def _known(self, view: str) -> ViewVerifier:
        if view not in self.views:
            raise UnknownNameError("view", view, tuple(self.views))
        return self.views[view]
