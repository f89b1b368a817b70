"""Following the log: one step reads a page of it, has it kept, and moves the checkpoint; errors stop it, red."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from twofold.errors import LeaseLostError
from twofold.event_store.recorded_event import LogPage, Mark, RecordedEvent, check_of
from twofold.event_store.store import LogFilter
from twofold.read.batch import EventFailedError, UnsoundBatchError, place_of, words_of
from twofold.read.progress import Progress, Stuck
from twofold.read.source import Source, fault_of_mark
from twofold.read.spread import Shard
from twofold.read.status import REBUILD, RESTORED, RETRY, ProjectorStatus
from twofold.read.view_store import Checkpoint, Generation, Key, ViewStore, ViewTable, built_by
from twofold.runtime.claim import Claim

_log = logging.getLogger("twofold.read")


class Paging(NamedTuple):
    """How much one step reads: at most so many events, and so many bytes of their data."""

    events: int = 2000
    max_bytes: int = 4 * 1024 * 1024


DEFAULT_PAGING = Paging()
NOT_BEGUN = -1


class Part(NamedTuple):
    """What one follower is there for, and this process's claim to its lease."""

    generation: Generation
    shard: Shard
    claim: Claim


class Follower:
    """Follows the log for one shard of one generation: what views and raw projectors have in common.

    An event that fails stops it: the events before it are kept, and `status()` says what to do. So does a log that
    is not the one that was followed so far, or code that has changed. An unavailable store stops nothing: `step`
    raises, and may be repeated. While another process holds its lease it stands by.

    Args:
        table: its name, fingerprint and rows.
        where: the events it reads.
        source: the log.
        store: where the checkpoint lives.
        part: what it follows for: the generation, the shard, and this process's claim to the lease of both.
        paging: how much one step reads.
    """

    def __init__(
        self,
        table: ViewTable,
        where: LogFilter,
        source: Source,
        store: ViewStore,
        part: Part,
        paging: Paging = DEFAULT_PAGING,
    ) -> None:
        self.generation, self.shard, self.claim = part
        self.name = table.view if self.shard.of == 1 else f"{table.view}, {self.shard}"
        self.progress = Progress(table.view)
        self.progress.generation = self.generation.number
        self._table, self._source, self._store = table, source, store
        self._where, self._paging = where, paging
        self._fence = NOT_BEGUN
        self._mark: Mark | None = None
        self._careful_until = 0
        self._status = ProjectorStatus(view=table.view, state="starting")

    async def mend(self, at: Checkpoint) -> int:
        """See to what was put aside earlier, with the checkpoint where it is, *at*; returns how many events that moved.

        Raises LeaseLostError when it is not there any more.
        """
        del at
        return 0

    async def read_parked(self) -> Mapping[Key, Stuck]:
        """The rows that the store has parked, each with what waits for it."""
        return {}

    async def keep(self, events: Sequence[RecordedEvent], expected: Mark, reached: Checkpoint) -> None:
        """Do what *events* ask for and move the checkpoint, all or nothing.

        Raises EventFailedError at an event that fails, UnsoundBatchError when it is not known which one did.
        """
        raise NotImplementedError

    def status(self) -> ProjectorStatus:
        """Where the shard is, and why it is not further."""
        return self._status

    async def open(self) -> Checkpoint:
        """Find the rows and compare them with this code and this log; `step` does it when it begins."""
        checkpoint = await self._store.checkpoint(self.generation, self.shard.number)
        self.progress.parked = await self.read_parked()
        mark = self._mark = checkpoint.mark
        self._say(position=mark.position)
        fault = await fault_of_mark(self._source, mark)
        if fault is None:  # a place in another log is none in this one
            self.progress.move(mark)
        if built_by(self.generation) != self._table.fingerprint:
            self._stop("its rows were built by other code", REBUILD)
        elif fault is not None:
            self._stop(fault, RESTORED)
        else:
            self._go_on("standby" if self.claim.fence is None else "running")
        return checkpoint

    async def look(self) -> None:
        """Find out how far another process has brought it, if one runs it."""
        if self._status.state == "stopped" and self.progress.mark is None:  # it is of another log
            return
        mark = (await self._store.checkpoint(self.generation, self.shard.number)).mark
        parked = await self.read_parked()
        if mark.position > self.progress.position or (mark == self.progress.mark and not self._is_folding()):
            self.progress.parked = parked
            self.progress.move(mark)
        if self._status.state == "standby":
            self._say(position=self.progress.position)

    async def step(self, at_most: int | None = None) -> int:
        """Take at most one page, of *at_most* events if given, and return how many it had.

        0 when there is nothing to do, it is stopped, or another process holds the lease. Raises UnavailableError when
        a store did not answer; nothing of the page was saved.
        """
        with self.claim.working() as fence:
            if fence is None:
                self._stand_by()
                return 0
            if fence != self._fence:
                await self._begin(fence)
            if self._mark is None or not self._may_fold():
                return 0
            mended = await self._mended(self._mark)
            return mended + await self._read_on(self._mark, at_most)

    def _may_fold(self) -> bool:
        """Whether code and log are those of the rows; it may be that an event has stopped it."""
        return self._status.state == "running" or self._status.failed_at is not None

    def _is_folding(self) -> bool:
        """Whether this process folds it now, and so knows best what is parked."""
        return self._fence != NOT_BEGUN and self.claim.fence == self._fence

    async def _mended(self, mark: Mark) -> int:
        """See to what was put aside; what had stopped it may be over then."""
        try:
            moved = await self.mend(Checkpoint(mark, self._fence))
        except LeaseLostError:
            await self._look_again()
            return 1
        if moved and self._status.state == "stopped":
            self._go_on("running")
        return moved

    async def _read_on(self, mark: Mark, at_most: int | None) -> int:
        if self._status.state != "running":
            return 0
        page = await self._source.read_log(
            mark.position, where=self._where, limit=self._limit(at_most), max_bytes=self._paging.max_bytes
        )
        return await self._take(page, mark)

    async def _begin(self, fence: int) -> None:
        """Go on from where the store is, and tell it of the lease: whoever had it before is refused from now on."""
        checkpoint = await self.open()
        if checkpoint.fence > fence:
            self._go_on("standby")
        elif checkpoint.fence < fence and self._status.state == "running":
            announced = Checkpoint(checkpoint.mark, fence)
            try:
                await self._store.save(self.generation, self.shard.number, (), checkpoint.mark, announced)
            except LeaseLostError:
                return
        self._fence = fence

    def _stand_by(self) -> None:
        """The lease is not held here. What stopped it before it ever was is not forgotten."""
        if self._fence != NOT_BEGUN or self._status.state != "stopped":
            self._fence = NOT_BEGUN
            self._go_on("standby")

    def _go_on(self, state: Literal["running", "standby"]) -> None:
        self._say(state=state, error=None, remedy=None, failed_at=None, caught_up=False)
        self.progress.resume()

    def _limit(self, at_most: int | None) -> int:
        if self._mark is not None and self._mark.position < self._careful_until:
            return 1
        return min(at_most or self._paging.events, self._paging.events)

    async def _take(self, page: LogPage, mark: Mark) -> int:
        reached = await self._mark_of(page)
        if reached.position <= mark.position:
            self._say(caught_up=page.at_head)
            return 0
        try:
            await self._follow(page.events, mark, reached)
        except EventFailedError as failed:
            self._say(failed=self._status.failed + 1)
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
        await self.keep(events, mark, Checkpoint(reached, self._fence))
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
        place = place_of(failed.event)
        self._stop(f"{place}: {words_of(failed.cause)}", failed.remedy or RETRY, failed_at=failed.event.position)
        return taken

    async def _look_again(self) -> None:
        """Somebody else moved the checkpoint: go on from where it is, or give way to a newer lease."""
        checkpoint = await self._store.checkpoint(self.generation, self.shard.number)
        self.progress.parked = await self.read_parked()
        self._mark = checkpoint.mark
        self._say(position=checkpoint.mark.position)
        self.progress.move(checkpoint.mark)
        if checkpoint.fence > self._fence:
            _log.warning("another process took over %s; what this one still tried to write was refused", self.name)
            self._go_on("standby")

    def _stop(self, error: str, remedy: str, failed_at: int | None = None) -> None:
        if error != self._status.error:
            _log.error("the view %s is stopped: %s; %s", self.name, error, remedy)
        self._say(state="stopped", error=error, remedy=remedy, failed_at=failed_at, caught_up=False)
        self.progress.stop(f"it is stopped: {error}; {remedy}")

    def _say(self, **changes: Any) -> None:
        self._status = msgspec.structs.replace(self._status, **changes)
