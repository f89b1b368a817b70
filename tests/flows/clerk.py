"""A process that folds the office's views until it is killed: `python -m tests.flows.clerk URL UNREADABLE...`."""

from __future__ import annotations

import asyncio
import sys

from tests.flows.office import OFFICE, UNREADABLE
from twofold import Config


async def work(url: str) -> None:
    config = Config(page_events=5, parked_retry=0.02, lease_seconds=0.5, metrics=False)
    async with OFFICE.open(url, config=config):
        print("here", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    UNREADABLE.update(sys.argv[2:])
    asyncio.run(work(sys.argv[1]))
