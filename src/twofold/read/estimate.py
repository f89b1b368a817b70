"""What building a view anew would take, found by folding the beginning in memory; nothing is stored."""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple

from twofold.event_store.store import LogFilter
from twofold.read.batch import EventFailedError, Events, Folder, place_of, words_of
from twofold.read.lookups import Sheets
from twofold.read.source import Source
from twofold.read.view import ViewDefinition
from twofold.read.view_store import Key, StoredRow

PAGE_EVENTS = 2000
PAGE_BYTES = 4 * 1024 * 1024


class Estimate(NamedTuple):
    """What lies before a build: `positions` of the log to read, and what a sample of them said.

    `rate` is positions a second, read and folded without being stored; None when there was nothing to sample. `fault`
    is the first event in the sample that fails.
    """

    positions: int
    sampled: int
    rate: float | None
    fault: str | None

    @property
    def seconds(self) -> float | None:
        """About how long it takes, without the time that storing takes."""
        return None if self.rate is None else self.positions / self.rate


async def estimate(
    definition: ViewDefinition[Any], source: Source, events: Events, start: int = 0, seconds: float = 1.0
) -> Estimate:
    """Fold events behind *start* for about *seconds*, and say what all of them would take."""
    head = (await source.mark()).position
    where = LogFilter(types=definition.event_names)
    folder, position, fault, began = Folder(definition, events), start, None, perf_counter()
    while position < head and perf_counter() - began < seconds and fault is None:
        page = await source.read_log(position, where=where, limit=PAGE_EVENTS, max_bytes=PAGE_BYTES)
        try:
            await folder.changes(page.events, position, _no_rows, lookups=Sheets.whole(definition))
        except EventFailedError as failed:
            fault = f"{place_of(failed.event)}: {words_of(failed.cause)}"
        position = page.reached
    sampled = max(0, position - start)
    rate = sampled / max(perf_counter() - began, 1e-6) if sampled else None
    return Estimate(max(0, head - start), sampled, rate, fault)


async def _no_rows(_keys: object) -> dict[Key, StoredRow]:
    return {}
