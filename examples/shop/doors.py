"""The two ways into the shop that a feeder has: the open app itself, and HTTP (`over_http.py`)."""

from datetime import datetime
from typing import Protocol

from examples.shop.journey import Step
from examples.shop.order_page import OrderPage
from twofold import OpenApp


class Door(Protocol):
    """What a feeder needs of a shop. `at_once` is how many orders are best under way at a time."""

    at_once: int

    async def send(self, step: Step) -> object:
        """Have the command handled, once for each key. Raises Rejected when a rule refuses it."""

    async def latest(self) -> datetime | None:
        """The business time of the latest order that the views know, or None."""

    async def lag(self) -> str:
        """How far the views are behind the log, in words."""


class InProcess:
    """The app in this process as a `Door`."""

    at_once = 64

    def __init__(self, shop: OpenApp) -> None:
        self._shop = shop

    async def send(self, step: Step) -> object:
        """Send the step's command with its key."""
        return await self._shop.send(step.command, key=step.key)

    async def latest(self) -> datetime | None:
        """The latest order of the page view."""
        pages = await self._shop.find(OrderPage, order_by="-placed_at", limit=1)
        return pages[0].placed_at if pages else None

    async def lag(self) -> str:
        """The view that is furthest behind."""
        health = await self._shop.health()
        unwell = [view.error for view in health.views if view.error]
        return unwell[0] if unwell else lag_words(max((view.lag_seconds for view in health.views), default=0.0))


def lag_words(seconds: float) -> str:
    """Seconds behind, as the live line shows them."""
    return f"{seconds:.2f} s"
