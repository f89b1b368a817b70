"""Rows that failed: their later events queue behind the failed one (`ParkingLot` is where they are kept)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

DUE = 1
"""As `Failure.retry_at`: the row is to be tried at once."""
DISCARD_ONE, DISCARD_ALL = -1, -2
"""As `Failure.retry_at`: whoever folds the row is asked to go on without the failed event, or without all that wait."""


class Failure(NamedTuple):
    """Why a row is parked: what its fold said of which event, with the stack, and the code that said so.

    `position` is that of the event; `code` is the fingerprint of the code. `attempts` counts the tries so far, and
    `retry_at` (microseconds since 1970) is when the next one is due; 0: not by itself; below: see `DISCARD_ONE`.
    """

    position: int
    cause: str
    stack: str
    code: str
    attempts: int
    retry_at: int


class Parked(NamedTuple):
    """A parked row: its key and failure, how many events wait (the failed one counts), the last one's position, and
    since when it is parked (microseconds since 1970, the store's clock).
    """

    shard: int
    key: tuple[Any, ...]
    failure: Failure
    waiting: int
    last: int
    since: int


class Parking(NamedTuple):
    """What a batch does to one parked row, or makes one of.

    `failure` None lets the row go, with everything that waits for it up to position `done`; rows with events behind
    that stay parked, with the failure they have. Otherwise the row is parked, or stays so, with this failure. `waiting`
    are the positions of further events that it has to wait for, rising; those up to `done` are folded and wait no more.
    A row for which nothing waits is not parked.
    """

    key: tuple[Any, ...]
    failure: Failure | None
    waiting: Sequence[int] = ()
    done: int = 0
