"""Following the log: one step reads a page of it, has it kept, and moves the checkpoint; errors stop it, red."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from twofold.errors import LeaseLostError, TwofoldError
from twofold.event_store.recorded_event import LogPage, Mark, RecordedEvent, check_of
from twofold.event_store.store import LogFilter
from twofold.read.batch import EventFailedError, UnsoundBatchError
from twofold.read.progress import Progress
from twofold.read.source import Source, fault_of_mark
from twofold.read.status import REBUILD, RESTORED, RETRY, TAKEN_OVER, ProjectorStatus
from twofold.read.view_store import Checkpoint, Generation, ViewStore, ViewTable

_log = logging.getLogger("twofold.read")


class Paging(NamedTuple):
    """How much one step reads: at most so many events, and so many bytes of their data."""

    events: int = 2000
    max_bytes: int = 4 * 1024 * 1024


DEFAULT_PAGING = Paging()


class Follower:
    """What view projectors and raw projectors have in common: a checkpoint that follows the log.

    An event that fails stops it: the events before it are kept, and `status()` says what to do. So does a log that
    is not the one that was followed so far, or code that has changed. An unavailable store stops nothing: `step`
    raises, and may be repeated.

    Args:
        table: its name, fingerprint and rows.
        event_names: the stable names of the events it reads.
        source: the log.
        store: where the checkpoint lives.
        fence: the number of this runner's lease; a store that has seen a higher one refuses it.
        paging: how much one step reads.
    """

    def __init__(
        self,
        table: ViewTable,
        event_names: frozenset[str],
        source: Source,
        store: ViewStore,
        *,
        fence: int = 0,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        self.name = table.view
        self.progress = Progress(table.view)
        self._table, self._source, self._store = table, source, store
        self._fence, self._paging = fence, paging
        self._where = LogFilter(types=event_names)
        self._generation: Generation | None = None
        self._mark: Mark | None = None
        self._careful_until = 0
        self._status = ProjectorStatus(view=table.view, state="starting")

    async def keep(
        self, generation: Generation, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint
    ) -> None:
        """Do what *events* ask for and move the checkpoint, all or nothing.

        Raises EventFailedError at an event that fails, UnsoundBatchError when it is not known which one did.
        """
        raise NotImplementedError

    def status(self) -> ProjectorStatus:
        """Where the view is, and why it is not further."""
        return self._status

    async def open(self) -> None:
        """Find the rows and compare them with this code and this log; `step` does it when nobody has."""
        generation = await self._store.open_generation(self._table, self._source.epoch)
        mark = (await self._store.checkpoint(generation, 0)).mark
        self._generation, self._mark = generation, mark
        self._say(state="running", position=mark.position, error=None, remedy=None, failed_at=None)
        self.progress.generation = generation.number
        self.progress.resume()
        self.progress.move(mark)
        if generation.fingerprint != self._table.fingerprint:
            self._stop("its rows were built by other code", REBUILD)
            return
        fault = await fault_of_mark(self._source, mark)
        if fault is not None:
            self._stop(fault, RESTORED)

    async def retry(self) -> None:
        """Let a stopped one try again, from its checkpoint."""
        await self.open()

    async def look(self) -> None:
        """Find out how far another process has brought it, if one runs it."""
        if self._generation is None:
            await self.open()
            return
        mark = (await self._store.checkpoint(self._generation, 0)).mark
        if mark.position > self.progress.position:
            self.progress.move(mark)

    async def step(self) -> int:
        """Take at most one page, and return how many events it had: 0 when there is nothing to do, or it is stopped.

        Raises UnavailableError when a store did not answer; nothing of the page was saved.
        """
        if self._mark is None:
            await self.open()
        if self._mark is None or self._status.state == "stopped":
            return 0
        page = await self._source.read_log(
            self._mark.position, where=self._where, limit=self._limit(), max_bytes=self._paging.max_bytes
        )
        return await self._take(page, self._mark)

    def _limit(self) -> int:
        return 1 if self._mark is not None and self._mark.position < self._careful_until else self._paging.events

    async def _take(self, page: LogPage, mark: Mark) -> int:
        reached = await self._mark_of(page)
        if reached.position <= mark.position:
            self._say(caught_up=page.at_head)
            return 0
        try:
            await self._follow(page.events, mark, reached)
        except EventFailedError as failed:
            return await self._take_until(failed, page.events, mark)
        except UnsoundBatchError:
            self._careful_until = reached.position
            return 1
        except LeaseLostError:
            await self._look_again()
            return 0
        self._say(caught_up=page.at_head)
        return max(1, len(page.events))

    async def _mark_of(self, page: LogPage) -> Mark:
        """The mark of the last event that *page* covers."""
        if page.events and page.events[-1].position == page.reached:
            return Mark(self._source.epoch, page.reached, check_of(page.events[-1].message_id))
        return await self._source.mark(page.reached)

    async def _follow(self, events: Sequence[RecordedEvent], mark: Mark, reached: Mark) -> None:
        """Keep *events*. Raises EventFailedError with nothing kept."""
        if self._generation is None:
            return
        await self.keep(self._generation, events, mark, Checkpoint(reached, self._fence))
        self._mark = reached
        event_at = events[-1].recorded_at if events else self._status.event_at
        self._say(position=reached.position, folded=self._status.folded + len(events), event_at=event_at)
        self.progress.move(reached)

    async def _take_until(self, failed: EventFailedError, events: Sequence[RecordedEvent], mark: Mark) -> int:
        """Fold and save the events before the one that failed, then stop at it."""
        before = [event for event in events if event.position < failed.event.position]
        taken = 0
        if before:
            taken = await self._take(LogPage(before, before[-1].position, at_head=False), mark)
            if self._mark is None or self._mark.position < before[-1].position:
                return taken
        event = failed.event
        place = f"{event.type} at position {event.position} (version {event.version} of {event.stream})"
        self._stop(f"{place}: {_words(failed.cause)}", RETRY, failed_at=event.position)
        return taken

    async def _look_again(self) -> None:
        """Somebody else moved the checkpoint: go on from where it is, or give way to a newer lease."""
        if self._generation is None:
            return
        checkpoint = await self._store.checkpoint(self._generation, 0)
        self._mark = checkpoint.mark
        self._say(position=checkpoint.mark.position)
        self.progress.move(checkpoint.mark)
        if checkpoint.fence > self._fence:
            self._stop("another process took over", TAKEN_OVER)

    def _stop(self, error: str, remedy: str, failed_at: int | None = None) -> None:
        self._say(state="stopped", error=error, remedy=remedy, failed_at=failed_at, caught_up=False)
        _log.error("the view %s is stopped: %s; %s", self.name, error, remedy)
        self.progress.stop(f"it is stopped: {error}; {remedy}")

    def _say(self, **changes: Any) -> None:
        self._status = msgspec.structs.replace(self._status, **changes)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, TwofoldError) else f"{type(error).__name__}: {error}"
