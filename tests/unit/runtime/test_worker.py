"""A worker repeats a step. No test sleeps: sleeping is injected and only recorded."""

import asyncio
import logging
import random
from collections.abc import Callable

import pytest

from twofold.errors import StoreUnavailableError
from twofold.retry import RetryPolicy
from twofold.runtime.health import State
from twofold.runtime.worker import FIRST_IDLE, Step, Worker


class ManualTime:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now_micros(self) -> int:
        return int(self.seconds * 1_000_000)

    def monotonic(self) -> float:
        return self.seconds


class Naps:
    """A sleep that takes no time, notes how long it was asked for, and calls *at_end* on the last one."""

    def __init__(self, count: int, at_end: Callable[[], None] | None = None) -> None:
        self.count = count
        self.at_end = at_end
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == self.count and self.at_end:
            self.at_end()
        await asyncio.sleep(0)


def stepping(*script: int | Exception) -> Step:
    """A step that does what *script* says, then nothing for ever."""
    left = list(script)

    async def step() -> int:
        result = left.pop(0) if left else 0
        if isinstance(result, Exception):
            raise result
        return result

    return step


def worker_that_naps(count: int, *script: int | Exception, retry: RetryPolicy | None = None) -> tuple[Worker, Naps]:
    naps = Naps(count)
    worker = Worker("w", stepping(*script), sleep=naps, retry=retry, max_idle=0.05, rng=random.Random(1))
    naps.at_end = worker.stop
    return worker, naps


async def test_work_that_moved_is_followed_by_the_next_step_without_a_wait() -> None:
    worker, naps = worker_that_naps(1, 3, 2, 1)

    await worker.run()

    assert len(naps.taken) == 1
    assert worker.status().moved == 6


async def test_other_tasks_have_their_turn_while_work_never_ends() -> None:
    async def endless() -> int:
        return 1

    worker = Worker("greedy", endless)
    running = asyncio.create_task(worker.run())
    for _ in range(3):
        await asyncio.sleep(0)
    worker.stop()

    await running

    assert worker.status().moved >= 1


async def test_idle_waits_double_up_to_the_longest_and_start_again_after_work() -> None:
    worker, naps = worker_that_naps(6, 0, 0, 0, 0, 1)

    await worker.run()

    assert naps.taken == [FIRST_IDLE, FIRST_IDLE * 2, FIRST_IDLE * 4, 0.05, FIRST_IDLE, FIRST_IDLE * 2]


async def test_an_idle_worker_waits_for_its_wake_up_and_not_longer_than_allowed() -> None:
    asked: list[float] = []

    async def wake(seconds: float) -> bool:
        asked.append(seconds)
        worker.stop()
        return True

    worker = Worker("w", stepping(), wake, max_idle=0.7)

    await worker.run()

    assert asked == [0.7]


async def test_a_wake_up_that_is_always_in_vain_does_not_spin() -> None:
    async def eager(_: float) -> bool:
        return True

    naps = Naps(4)
    worker = Worker("w", stepping(), eager, sleep=naps, max_idle=0.05)
    naps.at_end = worker.stop

    await worker.run()

    assert naps.taken == [FIRST_IDLE, FIRST_IDLE * 2, FIRST_IDLE * 4, 0.05]


async def test_a_wait_that_ran_out_is_followed_by_the_next_without_a_nap() -> None:
    waits: list[float] = []

    async def quiet(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 3:
            worker.stop()
        return False

    naps = Naps(1)
    worker = Worker("w", stepping(), quiet, sleep=naps)

    await worker.run()

    assert naps.taken == []


async def test_a_failure_backs_off_with_growing_jittered_delays_and_recovers() -> None:
    boom = RuntimeError("boom")
    worker, naps = worker_that_naps(4, boom, boom, boom, 5, retry=RetryPolicy(first_delay=1.0, max_delay=3.0))

    await worker.run()

    first, second, third, _ = naps.taken
    assert 0.5 <= first <= 1.0
    assert 1.0 <= second <= 2.0
    assert 1.5 <= third <= 3.0
    status = worker.status()
    assert (status.failures, status.moved, status.last_error) == (0, 5, "RuntimeError: boom")


async def test_a_worker_says_that_it_backs_off_and_why() -> None:
    seen = []

    async def watching_sleep(_: float) -> None:
        seen.append(worker.status())
        worker.stop()

    worker = Worker("w", stepping(StoreUnavailableError("disk full\nsecond line")), sleep=watching_sleep)

    await worker.run()

    assert seen[0].state is State.BACKING_OFF
    assert seen[0].failures == 1
    assert seen[0].last_error == "StoreUnavailableError: disk full"


async def test_a_failing_wake_up_backs_off_like_a_failing_step() -> None:
    async def broken(_: float) -> None:
        raise OSError("no connection")

    naps = Naps(1)
    worker = Worker("w", stepping(), broken, sleep=naps)
    naps.at_end = worker.stop

    await worker.run()

    assert worker.status().last_error == "OSError: no connection"


async def test_the_same_failure_is_logged_once_and_another_one_again(caplog: pytest.LogCaptureFixture) -> None:
    same, other = RuntimeError("same"), RuntimeError("other")
    worker, _ = worker_that_naps(5, same, same, same, other, 1)

    await worker.run()

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.exc_info[1] for record in warnings if record.exc_info] == [same, other]
    assert "works again; failures before: 4" in caplog.text


async def test_a_failure_that_comes_back_after_recovery_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    boom = RuntimeError("boom")
    worker, _ = worker_that_naps(3, boom, 1, boom)

    await worker.run()

    assert caplog.text.count("failed and will try again: RuntimeError: boom") == 2


async def test_a_world_that_does_not_answer_is_one_line_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    worker, _ = worker_that_naps(3, StoreUnavailableError("the store is away"), 1)

    await worker.run()

    assert [record.getMessage() for record in caplog.records] == [
        "worker w failed and will try again: StoreUnavailableError: the store is away",
        "worker w works again; failures before: 1",
    ]
    assert not any(record.exc_info for record in caplog.records)


async def test_exhausted_retries_raise_the_last_error() -> None:
    last = RuntimeError("last")
    worker, naps = worker_that_naps(9, RuntimeError("first"), last, retry=RetryPolicy(max_attempts=2))

    with pytest.raises(RuntimeError) as caught:
        await worker.run()

    assert caught.value is last
    assert len(naps.taken) == 1
    assert worker.status().state is State.STOPPED


async def test_stop_lets_the_step_under_way_finish() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow() -> int:
        entered.set()
        await gate.wait()
        return 7

    worker = Worker("w", slow)
    running = asyncio.create_task(worker.run())
    await entered.wait()
    worker.stop()
    assert not running.done()
    gate.set()

    await running

    assert worker.status().moved == 7


async def test_stop_ends_a_wait_at_once() -> None:
    waiting = asyncio.Event()

    async def for_ever(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    worker = Worker("w", stepping(), for_ever)
    running = asyncio.create_task(worker.run())
    await waiting.wait()

    worker.stop()
    await running

    assert worker.status().state is State.STOPPED


async def test_stop_before_run_runs_no_step() -> None:
    worker = Worker("w", stepping(RuntimeError("never")))
    worker.stop()

    await worker.run()

    assert worker.status().last_error is None


async def test_cancelling_a_waiting_worker_cancels_it() -> None:
    waiting = asyncio.Event()

    async def for_ever(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(Worker("w", stepping(), for_ever).run())
    await waiting.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_progress_age_counts_from_the_last_good_step() -> None:
    time = ManualTime()
    naps = Naps(2)
    worker = Worker("w", stepping(1, RuntimeError("boom")), sleep=naps, clock=time)
    assert worker.status().last_progress_age is None
    naps.at_end = worker.stop

    await worker.run()
    time.seconds += 12.5

    assert worker.status().last_progress_age == 12.5
