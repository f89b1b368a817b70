"""The supervisor starts, watches, restarts and stops workers. No test sleeps."""

import asyncio
import gc
from collections.abc import Callable

import pytest

from twofold.retry import RetryPolicy
from twofold.runtime.health import ReaderStatus, State
from twofold.runtime.supervisor import Supervisor
from twofold.runtime.worker import Worker


async def for_ever(_: float) -> None:
    await asyncio.Event().wait()


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


async def nothing() -> int:
    return 0


async def failing() -> int:
    raise RuntimeError("boom")


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a state, not an event, is awaited; each turn is one turn of the loop
        await asyncio.sleep(0)


def idle(name: str = "idle") -> Worker:
    return Worker(name, nothing, for_ever)


async def test_started_workers_run_and_stop_ends_them() -> None:
    supervisor = Supervisor([idle("a"), idle("b")])
    supervisor.start()
    await asyncio.sleep(0)
    assert [status.state for status in supervisor.statuses()] == [State.RUNNING, State.RUNNING]

    assert await supervisor.stop()

    assert [status.state for status in supervisor.statuses()] == [State.STOPPED, State.STOPPED]


async def test_stop_drains_the_step_under_way() -> None:
    entered, gate, finished = asyncio.Event(), asyncio.Event(), []

    async def slow() -> int:
        entered.set()
        await gate.wait()
        finished.append(True)
        return 1

    supervisor = Supervisor([Worker("slow", slow)])
    supervisor.start()
    await entered.wait()
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)
    gate.set()

    assert await stopping
    assert finished


async def test_a_step_that_outlasts_the_drain_time_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    entered = asyncio.Event()

    async def stuck() -> int:
        entered.set()
        await asyncio.Event().wait()
        return 1

    supervisor = Supervisor([Worker("stuck", stuck), idle()])
    supervisor.start()
    await entered.wait()

    assert not await supervisor.stop(drain_seconds=0)
    assert "cancelled after the drain time: " in caplog.text
    assert "stuck" in caplog.text


async def test_stop_twice_and_stop_without_start_do_nothing() -> None:
    supervisor = Supervisor([idle()])

    assert await supervisor.stop()
    assert await supervisor.stop()


async def test_a_worker_that_gave_up_is_started_again() -> None:
    worker = Worker("w", failing, sleep=at_once, retry=RetryPolicy(max_attempts=1))
    supervisor = Supervisor([worker], sleep=at_once)
    supervisor.start()

    await until(lambda: worker.status().restarts >= 3)

    assert supervisor.health().live
    assert await supervisor.stop()


async def test_a_worker_that_gives_up_for_good_makes_the_process_not_live() -> None:
    worker = Worker("w", failing, sleep=at_once, retry=RetryPolicy(max_attempts=1))
    supervisor = Supervisor([worker, idle()], sleep=at_once, restart=RetryPolicy(max_attempts=2))
    supervisor.start()

    await until(lambda: not supervisor.health().live)

    health = supervisor.health()
    assert not health.ready
    assert health.workers[0].state is State.STOPPED
    assert health.workers[0].last_error == "RuntimeError: boom"
    await supervisor.stop()


async def test_stop_does_not_wait_for_a_restart() -> None:
    worker = Worker("w", failing, sleep=at_once, retry=RetryPolicy(max_attempts=1))
    supervisor = Supervisor([worker], sleep=for_ever)
    supervisor.start()
    await until(lambda: worker.status().restarts == 1)

    assert await supervisor.stop()


async def test_a_worker_that_backs_off_makes_the_process_live_but_not_ready() -> None:
    worker = Worker("w", failing, sleep=for_ever)
    supervisor = Supervisor([worker])
    supervisor.start()
    await until(lambda: worker.status().state is State.BACKING_OFF)

    health = supervisor.health()

    assert health.live
    assert not health.ready
    await supervisor.stop()


async def test_a_stopping_process_is_live_but_not_ready() -> None:
    supervisor = Supervisor([idle()])
    supervisor.start()
    await asyncio.sleep(0)
    assert supervisor.health().ready

    await supervisor.stop()

    assert supervisor.health().live
    assert not supervisor.health().ready


async def test_health_carries_the_views_that_the_caller_knows() -> None:
    late = ReaderStatus("Orders", "running", 5, 2, 0.4)

    assert Supervisor().health([late]).views == (late,)


async def test_workers_survive_the_garbage_collector() -> None:
    supervisor = Supervisor([idle(str(number)) for number in range(20)])
    supervisor.start()
    await asyncio.sleep(0)

    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0)

    assert all(status.state is State.RUNNING for status in supervisor.statuses())
    await supervisor.stop()


async def test_one_step_steps_every_worker_once_and_adds_up() -> None:
    async def one() -> int:
        return 1

    async def two() -> int:
        return 2

    supervisor = Supervisor([Worker("one", one), Worker("two", two)])

    assert await supervisor.step() == 3


async def test_a_loop_that_ends_takes_the_workers_with_it() -> None:
    supervisor = Supervisor([idle()])
    supervisor.start()
    await asyncio.sleep(0)
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith("twofold:")]
    for task in tasks:
        task.cancel()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(result, asyncio.CancelledError) for result in results)
