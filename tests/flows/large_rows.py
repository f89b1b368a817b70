"""Builds a view with large rows over a long log, and says after every tenth how much memory that takes (bytes).

`python -m tests.flows.large_rows URL EVENTS [hoard]`: `hoard` is the planted bug that the test has to find.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

import msgspec

from twofold import App, Config, Event, OpenApp, View, evolves
from twofold.clock import Ids, SystemClock
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.write import StreamWrite, Write

ROWS, LARGE, BATCH = 1000, 4096, 10_000


class Noted(Event):
    book: str
    number: int


class Book(View, key="book"):
    book: str
    last: int = 0
    text: str = ""

    @evolves
    def noted(self, event: Noted) -> None:
        self.last = event.number
        self.text = f"{event.number} " * (LARGE // 8)


app = App("large", views=[Book])


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def fill(open_app: OpenApp, events: int) -> None:
    ids = Ids(SystemClock())
    for begin in range(0, events, BATCH):
        new = [
            NewEvent("Noted", 1, msgspec.json.encode(Noted(book=f"book {n % ROWS}", number=n)), ids.next())
            for n in range(begin, min(begin + BATCH, events))
        ]
        write = Write((StreamWrite(f"Notes-{begin}", 0, tuple(new)),), None, ids.next(), ids.next(), b"{}")
        await open_app.log.events.append([write])


async def main(url: str, events: int, *, hoards: bool) -> None:
    async with app.open(url, config=Config(metrics=False, verify_share=0.0), workers=False) as books:
        await fill(books, events)
    hoard: list[bytes] = []
    async with app.open(url, config=Config(metrics=False, verify_share=0.0), workers=False) as books:
        done, said = 0, 0
        while done < events:
            await books.fold(["Book"])
            done = books.projectors["Book"].status().position
            hoard += [os.urandom(LARGE * 256)] if hoards else []
            if done * 10 // events > said:
                said = done * 10 // events
                print(resident(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), hoards="hoard" in sys.argv))
