"""Ports fail as planned, and only then."""

from __future__ import annotations

import asyncio

import pytest

from twofold.errors import StoreUnavailableError
from twofold.event_store.store import Snapshot, Snapshots
from twofold.testing.faults import (
    CrashAfter,
    CrashError,
    DelayAt,
    DuplicateAt,
    FailAt,
    LoseAnswerAt,
    NoFaults,
    OvertakeAt,
    faulty,
)


class RecordingSnapshots:
    """Notes what reaches it."""

    def __init__(self) -> None:
        self.saved: list[int] = []

    async def load(self, stream: str, fingerprint: str, up_to: int | None = None) -> Snapshot | None:
        return None

    async def save(self, snapshot: Snapshot) -> None:
        self.saved.append(snapshot.version)


def snapshot(version: int) -> Snapshot:
    return Snapshot("thing-1", version, "f1", b"{}")


@pytest.fixture
def port() -> RecordingSnapshots:
    return RecordingSnapshots()


async def test_no_faults_lists_the_calls_it_let_through(port) -> None:
    plan = NoFaults()
    through: Snapshots = faulty(port, plan)

    await through.save(snapshot(1))
    await through.load("thing-1", "f1", up_to=3)

    assert plan.calls == ["save", "load"]
    assert port.saved == [1]


async def test_the_nth_call_fails_and_is_not_made(port) -> None:
    through = faulty(port, FailAt(2))

    await through.save(snapshot(1))
    with pytest.raises(StoreUnavailableError):
        await through.save(snapshot(2))
    await through.save(snapshot(3))

    assert port.saved == [1, 3]


async def test_the_nth_call_of_a_method_fails_with_the_given_error(port) -> None:
    through = faulty(port, FailAt(1, "save", OSError("disk")))

    await through.load("thing-1", "f1")
    with pytest.raises(OSError, match="disk"):
        await through.save(snapshot(1))


async def test_a_lost_answer_leaves_the_call_made(port) -> None:
    through = faulty(port, LoseAnswerAt(1))

    with pytest.raises(StoreUnavailableError):
        await through.save(snapshot(1))

    assert port.saved == [1]


async def test_after_a_crash_nothing_is_called_any_more(port) -> None:
    through = faulty(port, CrashAfter(1))

    for version in (1, 2):
        with pytest.raises(CrashError):
            await through.save(snapshot(version))

    assert port.saved == [1]


async def test_a_crash_is_no_exception_that_a_handler_could_swallow(port) -> None:
    assert not issubclass(CrashError, Exception)


async def test_one_plan_counts_the_calls_of_all_its_ports() -> None:
    one, other, plan = RecordingSnapshots(), RecordingSnapshots(), CrashAfter(2)

    await faulty(one, plan).save(snapshot(1))
    with pytest.raises(CrashError):
        await faulty(other, plan).save(snapshot(2))

    assert (one.saved, other.saved) == ([1], [2])


async def test_a_duplicate_is_called_twice(port) -> None:
    through = faulty(port, DuplicateAt(2))

    for version in (1, 2, 3):
        await through.save(snapshot(version))

    assert port.saved == [1, 2, 2, 3]


async def test_a_delayed_call_waits_until_the_test_lets_it_go_on(port) -> None:
    plan = DelayAt(1)
    through = faulty(port, plan)
    delayed = asyncio.ensure_future(through.save(snapshot(1)))
    await plan.arrived.wait()

    await through.save(snapshot(2))
    plan.go_on.set()
    await delayed

    assert port.saved == [2, 1]


async def test_an_overtaken_call_comes_after_its_successor(port) -> None:
    plan = OvertakeAt(1)
    through = faulty(port, plan)
    overtaken = asyncio.ensure_future(through.save(snapshot(1)))
    await plan.arrived.wait()

    await through.save(snapshot(2))
    await overtaken

    assert port.saved == [2, 1]


def test_calls_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        FailAt(0)
