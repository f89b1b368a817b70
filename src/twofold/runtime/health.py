"""How the engine is: each worker, each reader of the log, and the two questions an orchestrator asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """What a worker is doing."""

    RUNNING = "running"
    BACKING_OFF = "backing-off"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker at one moment.

    Args:
        name: the worker's name.
        state: running (working or waiting for work), backing off after an error, or stopped.
        last_error: the last error as one line, kept after recovery; None when there never was one.
        failures: errors in a row since the last good step.
        moved: what the steps have moved in all.
        restarts: how often the supervisor had to start it again.
        last_progress_age: seconds since a step last ended well, None before the first.
    """

    name: str
    state: State
    last_error: str | None
    failures: int
    moved: int
    restarts: int
    last_progress_age: float | None


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One shard of a reader of the log, in the units of ReaderStatus."""

    shard: int
    position: int
    lag_events: int
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class ReaderStatus:
    """One reader of the log (a view, for example) at one moment; of its shards the one that is least far counts.

    Args:
        name: the reader's name.
        state: one word: starting, live, catching-up, rebuilding, paused, stopped.
        position: the log position it has reached.
        lag_events: how far it is behind the head, in positions.
        lag_seconds: how long the oldest event it has not read yet has been waiting; 0.0 when there is none.
        error: why it is not well; None when it is.
        remedy: what to do about that.
        parked_keys: rows that failed and wait with their events.
        drifted_keys: rows that the verifier found to differ from what their events fold to.
        rate: positions a second by which it has moved lately; None when it was not watched for long enough.
        generation: the number of the built copy that this is about; 0 when there is none.
        shards: each by itself.
    """

    name: str
    state: str
    position: int
    lag_events: int
    lag_seconds: float
    error: str | None = None
    remedy: str | None = None
    parked_keys: int = 0
    drifted_keys: int = 0
    rate: float | None = None
    generation: int = 0
    shards: tuple[ShardStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """The whole process at one moment.

    Args:
        live: the process does its work; False means that only a restart can help.
        ready: it should be sent traffic: open, not stopping, and nothing in it is unwell.
        workers: every worker.
        views: every reader of the log.
    """

    live: bool
    ready: bool
    workers: tuple[WorkerStatus, ...] = ()
    views: tuple[ReaderStatus, ...] = ()
