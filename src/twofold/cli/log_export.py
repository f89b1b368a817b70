"""Writes a whole log as lines: events, what came of commands, and the commands that wait."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import IO

from twofold.cli.exits import CliError
from twofold.cli.log_lines import FORMAT, EndLine, LogLine
from twofold.cli.log_pages import walk
from twofold.cli.log_writing import line_of_end, line_of_event, line_of_log, line_of_outcome, line_of_queued
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.store import Log

PAGE = 1000


async def write_log(log: Log, output: IO[bytes], after: int, told: Callable[[int], None]) -> EndLine:
    """Write the events behind position *after* and all that belongs to them, up to the head when it begins.

    *told* is called with the number of events written. Commands that wait are read first: one that is handled
    meanwhile is then written twice, waiting and done, and is not handled again. Raises CliError when the log has no
    event at *after*.
    """
    begin = await log.events.mark(after)
    if begin.position != after:
        raise CliError(f"the log ends at position {begin.position}, before {after}", "export less")
    output.write(line_of_log(LogLine(format=FORMAT, epoch=begin.epoch, after=after, check=begin.check.hex())) + b"\n")
    queued = await _write_queue(log, output)
    head = (await log.events.mark()).position
    events, outcomes = await _write_history(log, output, (after, head), told)
    end = EndLine(head=head, events=events, outcomes=outcomes, queued=queued)
    output.write(line_of_end(end) + b"\n")
    return end


async def _write_queue(log: Log, output: IO[bytes]) -> int:
    count = last = 0
    while page := await log.queue.waiting(last, PAGE):
        for queued in page:
            output.write(line_of_queued(queued) + b"\n")
        count, last = count + len(page), page[-1].number
    return count


async def _write_history(
    log: Log, output: IO[bytes], between: tuple[int, int], told: Callable[[int], None]
) -> tuple[int, int]:
    """Events and outcomes in the order in which they were recorded; returns how many of each."""
    after, head = between
    events = 0
    async with aclosing(_Outcomes(log, after, head)) as outcomes:
        async for event in walk(log.events, after, up_to=head):
            await outcomes.write_before(event.position, output)
            output.write(line_of_event(event) + b"\n")
            events += 1
            if events % PAGE == 0:
                told(events)
        await outcomes.write_before(head + 1, output)
    told(events)
    return events, outcomes.written


class _Outcomes:
    """The outcomes from one position to another, written as the events come to where they belong."""

    def __init__(self, log: Log, after: int, head: int) -> None:
        self.written = 0
        self._waiting: RecordedOutcome | None = None
        self._source = _outcomes(log, after, head)

    async def write_before(self, position: int, output: IO[bytes]) -> None:
        """Write those that belong before the event at *position*."""
        while (found := self._waiting or await anext(self._source, None)) is not None:
            self._waiting = found
            if found.position >= position:
                return
            output.write(line_of_outcome(found) + b"\n")
            self.written += 1
            self._waiting = None

    async def aclose(self) -> None:
        """Let go of the log."""
        await self._source.aclose()


async def _outcomes(log: Log, after: int, head: int) -> AsyncGenerator[RecordedOutcome, None]:
    last = 0
    while page := await log.bulk.outcomes(last, PAGE):
        for outcome in page:
            if outcome.position > head:
                return
            if outcome.position >= after:
                yield outcome
        last = page[-1].number
