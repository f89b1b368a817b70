"""Time and identity: the clock that is injected everywhere, and time-ordered ids."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where time comes from. Tests inject their own."""

    def now_micros(self) -> int:
        """Wall-clock time in microseconds since 1970-01-01T00:00:00Z; may jump."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going backwards: for durations and waits."""


class SystemClock:
    """The machine's own clock."""

    def now_micros(self) -> int:
        """Microseconds since 1970 by the machine's wall clock."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds by the machine's monotonic clock."""
        return time.monotonic()


def to_datetime(micros: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=micros)


def to_micros(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Ids:
    """Makes 16-byte UUIDv7 ids (RFC 9562, 5.7) that are unique and roughly in order of time.

    One clock reading and one block of random bytes serve *block* ids: 48 bits of milliseconds, then a
    random tail, of which each id of the block takes the next value. Ids increase within a block; between
    blocks they are ordered by the clock's milliseconds only. Not safe for use by several threads at once.
    """

    __slots__ = ("_block", "_clock", "_left", "_next")

    def __init__(self, clock: Clock, block: int = 256) -> None:
        self._clock = clock
        self._block = block
        self._left = 0
        self._next = 0

    def next(self) -> bytes:
        """A new id, larger than the one before if both are of one block."""
        if not self._left:
            self._start_block()
        self._left -= 1
        self._next += 1
        return self._next.to_bytes(16, "big")

    def _start_block(self) -> None:
        millis = self._clock.now_micros() // 1000 & (1 << 48) - 1
        tail = int.from_bytes(os.urandom(9), "big")
        high, low = tail >> 60 & 0xFFF, tail & (1 << 60) - 1
        self._next = millis << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low
        self._left = self._block
