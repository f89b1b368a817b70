"""Following the log: through a store that is away for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from twofold.adapters.memory.log import open_memory_log
from twofold.cli.log_pages import follow
from twofold.errors import MisuseError, StoreUnavailableError
from twofold.event_store.store import EVERYTHING, EventStore
from twofold.testing.contracts.writes import append_to, new_stream
from twofold.testing.faults import FailAt, faulty

T = TypeVar("T")


@pytest.fixture
async def events() -> AsyncIterator[EventStore]:
    log = open_memory_log()
    await append_to(log.events, new_stream(), 3)
    yield log.events
    await log.close()


async def first_three(events: EventStore, told: Callable[[str], None]) -> list[int]:
    found = []
    async for event in follow(events, 0, EVERYTHING, told, pause=0):
        found.append(event.position)
        if len(found) == 3:
            break
    return found


@pytest.mark.parametrize("method", ["wait", "read_log"])
async def test_it_goes_on_when_the_store_is_back_and_says_both(events: EventStore, method: str) -> None:
    told: list[str] = []

    found = await first_three(faulty(events, FailAt(1, method)), told.append)

    assert found == [1, 2, 3]
    assert told == ["injected: the store does not answer; going on when it answers", "it answers again"]


class Away:
    """Fails the first *times* calls."""

    def __init__(self, times: int) -> None:
        self._times = times

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        self._times -= 1
        if self._times >= 0:
            raise StoreUnavailableError("away")
        return await call()


async def test_however_long_it_is_away_that_is_said_once(events: EventStore) -> None:
    told: list[str] = []

    found = await first_three(faulty(events, Away(50)), told.append)

    assert found == [1, 2, 3]
    assert told == ["away; going on when it answers", "it answers again"]


async def test_what_waiting_cannot_mend_ends_it(events: EventStore) -> None:
    with pytest.raises(MisuseError):
        await first_three(faulty(events, FailAt(1, error=MisuseError("no"))), print)
