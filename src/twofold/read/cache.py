"""Answers kept for a while; off unless a query asks for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from copy import deepcopy
from typing import Any, NamedTuple

from twofold.clock import Clock
from twofold.event_store.token import decode_token
from twofold.read.answer import Answer


class _Kept(NamedTuple):
    until: float
    position: int
    answer: Answer[Any]


class QueryCache:
    """Answers by what decides them, each for a limited time, the least recently used given up first.

    Args:
        clock: measures the time.
        ttl: seconds an answer may be used again when its query does not say.
        capacity: most answers kept.
    """

    def __init__(self, clock: Clock, *, ttl: float = 30.0, capacity: int = 1024) -> None:
        self._clock, self._ttl, self._capacity = clock, ttl, capacity
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(self, key: Hashable, at_least: int = 0) -> Answer[Any] | None:
        """The answer kept under *key*, if its time is not over and it was computed at position *at_least* or later.

        The caller may change what it gets.
        """
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock.monotonic() >= kept.until:
            del self._kept[key]
            return None
        if kept.position < at_least:
            return None
        self._kept.move_to_end(key)
        return deepcopy(kept.answer)

    def put(self, key: Hashable, answer: Answer[Any], ttl: float | None = None) -> None:
        """Keep *answer* for *ttl* seconds; a stale one is not kept."""
        if answer.stale:
            return
        until = self._clock.monotonic() + (self._ttl if ttl is None else ttl)
        self._kept[key] = _Kept(until, decode_token(answer.token).position, deepcopy(answer))
        self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
