"""Feeds baskets into a shop, from where an earlier run has stopped, and tells how it goes."""

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from examples.shop.baskets import Source
from examples.shop.doors import Door
from examples.shop.journey import Step, journey
from examples.shop.sending import Pace, Tally, send_journeys

OVERLAP = timedelta(days=1)
CATALOG_RATE = 2_000


async def feed(source: Source, door: Door, tally: Tally, rate: float | None) -> None:
    """Send every basket's commands, *rate* a second (None: as fast as they are answered).

    It starts a day of business time before the latest order that is there. What lies in that day is sent again,
    and changes nothing: the keys are known.
    """
    latest = await door.latest()
    since = latest - OVERLAP if latest else None
    departments = {product.product_id: product.department for product in source.products()}
    journeys = (journey(basket, departments) for basket in source.baskets(since))
    pace = Pace(rate) if rate else None
    await send_journeys(journeys, door.send, tally, at_once=door.at_once, pace=pace)


async def feed_catalog(source: Source, door: Door, known: int) -> None:
    """Send the catalog at a pace that leaves room for orders; *known* products are there already."""
    steps = catalog_of(source, skip=max(0, known - door.at_once))
    await send_journeys(steps, door.send, Tally(), at_once=door.at_once, pace=Pace(CATALOG_RATE))


def catalog_of(source: Source, skip: int = 0) -> Iterator[tuple[Step]]:
    """A journey of one step for each product behind the first *skip*: to add it to the catalog."""
    for product in islice(source.products(), skip, None):
        yield (Step(f"product:{product.product_id}", product),)


async def show_live(tally: Tally, door: Door, every_seconds: float) -> None:
    """Print how it goes, again and again: on one line where someone looks, else a line each time."""
    is_terminal = sys.stdout.isatty()
    sent, then = tally.sent, time.monotonic()
    while True:
        await asyncio.sleep(every_seconds)
        now = time.monotonic()
        line = live_line(tally, (tally.sent - sent) / (now - then), await door.lag())
        print(f"\r{line:<100}" if is_terminal else line, end="" if is_terminal else "\n", flush=True)
        sent, then = tally.sent, now


def live_line(tally: Tally, rate: float, lag: str) -> str:
    """`2017-01-03  1,234 commands  98/s  refused 3  views behind 0.01 s`."""
    day = f"{tally.latest:%Y-%m-%d}" if tally.latest else "no order"
    return f"{day}  {tally.sent:,} commands  {rate:,.0f}/s  refused {tally.refused.total():,}  views behind {lag}"


async def feed_and_tell(source: Source, door: Door, rate: float | None) -> Tally:
    """`feed` with a live line, and a last word."""
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        live = group.create_task(show_live(tally, door, 1.0 if sys.stdout.isatty() else 5.0))
        await feed(source, door, tally, rate)
        live.cancel()
    print(f"\nall {source.basket_count:,} baskets of {source.name} are in; {_refusals(tally)}", flush=True)
    return tally


def _refusals(tally: Tally) -> str:
    if not tally.refused:
        return "nothing was refused"
    return "refused " + ", ".join(f"{count:,} {code}" for code, count in sorted(tally.refused.items()))
