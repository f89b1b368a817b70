"""Every row that matches, page after page."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from twofold import Rows, View

V = TypeVar("V", bound=View)
PAGE = 5_000


async def every(rows: Rows[V], *conditions: Any) -> AsyncIterator[V]:
    """The rows that pass all *conditions*, by key. Rows that change meanwhile may be of different moments."""
    page = await rows.page(*conditions, limit=PAGE)
    while True:
        for row in page.items:
            yield row
        if page.next is None:
            return
        page = await rows.page(*conditions, limit=PAGE, cursor=page.next)
