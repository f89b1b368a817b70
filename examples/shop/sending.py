"""Sends the commands of many orders: those of one order one after another, those of several at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime

from examples.shop.commands import PlaceOrder
from examples.shop.journey import Step
from twofold import Rejected

Send = Callable[[Step], Awaitable[object]]


class Tally:
    """What has come of the commands so far. `day` is the business time of the latest order."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.latest: datetime | None = None

    @property
    def sent(self) -> int:
        """How many commands were answered, either way."""
        return self.accepted + self.refused.total()


class Pace:
    """Hands out turns, *rate* a second. A sender that was held up catches up on at most a second of them."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = asyncio.get_running_loop().time()
        due = max(self._next, now - 1.0)
        self._next = due + self._gap
        await asyncio.sleep(max(0.0, due - now))


async def send_journeys(
    journeys: Iterable[Iterable[Step]], send: Send, tally: Tally, *, at_once: int, pace: Pace | None = None
) -> None:
    """Send every step of every journey, *at_once* journeys at a time. A refused step ends its journey.

    The journeys are taken one by one as there is room, so no more than *at_once* of them are in memory.
    """
    waiting = iter(journeys)
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(_send_some(waiting, send, tally, pace))


async def _send_some(waiting: Iterator[Iterable[Step]], send: Send, tally: Tally, pace: Pace | None) -> None:
    for journey in waiting:
        for step in journey:
            if pace is not None:
                await pace.turn()
            if not await _send_one(step, send, tally):
                break


async def _send_one(step: Step, send: Send, tally: Tally) -> bool:
    if isinstance(step.command, PlaceOrder):
        tally.latest = step.command.placed_at
    try:
        await send(step)
    except Rejected as rejection:
        tally.refused[rejection.code] += 1
        return False
    tally.accepted += 1
    return True
