"""Makes a log of exported lines, or goes on with it, piece by piece: what was interrupted goes on where it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twofold.cli.log_lines import FORMAT, EndLine, LogLine
from twofold.cli.log_reading import Found, read_line
from twofold.errors import InputError
from twofold.event_store.outcome import RecordedOutcome
from twofold.event_store.recorded_event import Mark, RecordedEvent, check_of
from twofold.event_store.store import Log, QueuedCommand

PIECE = 50_000
PIECE_BYTES = 16 * 1024 * 1024
_REMEDY = "import into an empty store, or export again from the log that this store was imported from"


class ImportRefusedError(InputError):
    """The lines are not the beginning of this log, nor go on with it."""

    code = "import-refused"
    remedy = _REMEDY


class LogImport:
    """One run. `events` and `outcomes` count what was added.

    Args:
        log: empty, or with the beginning of what comes.
        mark: where it ends.
        last: its last outcome.
        told: called with the log's position after each piece.
    """

    def __init__(
        self, log: Log, mark: Mark, last: RecordedOutcome | None, told: Callable[[int], None] = lambda _: None
    ) -> None:
        self.events = 0
        self.outcomes = 0
        self._log = log
        self._mark = mark
        self._last = last
        self._told = told
        self._epoch: str | None = None
        self._is_whole = False
        self._has_met = mark.position == 0
        self._ended = False
        self._piece: list[RecordedEvent] = []
        self._piece_outcomes: list[RecordedOutcome] = []
        self._bytes = 0

    @classmethod
    async def into(cls, log: Log, told: Callable[[int], None] = lambda _: None) -> LogImport:
        """A run that goes on from where *log* ends."""
        recent = await log.outcomes.recent(limit=1)
        return cls(log, await log.events.mark(), recent[0] if recent else None, told)

    async def run(self, lines: Iterable[bytes]) -> None:
        """Add what *lines* hold and the log does not. Lines are read one by one, and stored by pieces.

        Raises InputError, which names the line; what was stored by then stays, and the same lines again go on with it.
        ImportRefusedError when the log has another history, with nothing stored.
        """
        number = 0
        for number, line in enumerate(lines, 1):
            try:
                await self._take(read_line(line))
            except InputError as error:
                raise type(error)(f"line {number}: {error}") from error
        await self._store()
        self._check_end(number)

    async def _take(self, found: Found) -> None:
        if self._ended:
            raise InputError("it stands behind the end of the log")
        if isinstance(found, RecordedEvent):
            self._take_event(found)
        elif isinstance(found, RecordedOutcome):
            self._take_outcome(found)
        elif isinstance(found, QueuedCommand):
            await self._log.queue.put(found.message_id, found.command, found.data, found.context)
        elif isinstance(found, LogLine):
            self._begin(found)
        else:
            self._end(found)
        if max(len(self._piece), len(self._piece_outcomes)) >= PIECE or self._bytes >= PIECE_BYTES:
            await self._store()

    def _begin(self, line: LogLine) -> None:
        if line.format > FORMAT:
            raise InputError(f"it was written by a newer twofold (format {line.format}); upgrade this one")
        if line.epoch != self._mark.epoch and (self._mark.position or self._last):
            raise ImportRefusedError("the store is another log, and not empty")
        if line.after > self._mark.position:
            raise ImportRefusedError(
                f"it begins behind position {line.after}, and the store ends at {self._mark.position}"
            )
        if line.after == self._mark.position:
            self._meet(bytes.fromhex(line.check))
        self._epoch, self._is_whole = line.epoch, True

    def _take_event(self, event: RecordedEvent) -> None:
        if event.position <= self._mark.position:
            if event.position == self._mark.position:
                self._meet(check_of(event.message_id))
            return
        if not self._has_met:
            raise ImportRefusedError(f"the store has {self._mark.position} events that do not come before this one")
        self._piece.append(event)
        self._bytes += len(event.data)

    def _meet(self, check: bytes) -> None:
        """The event where the store ends: it has to be the same."""
        if check != self._mark.check and self._mark.position:
            raise ImportRefusedError(f"the store has another event at position {self._mark.position}")
        self._has_met = True

    def _take_outcome(self, outcome: RecordedOutcome) -> None:
        last = self._last
        if last is None or outcome.number > last.number:
            self._piece_outcomes.append(outcome)
        elif outcome.number == last.number and outcome.outcome.message_id != last.outcome.message_id:
            raise ImportRefusedError(f"the store has another outcome {last.number}")

    def _end(self, line: EndLine) -> None:
        self._ended = True
        last = self._piece[-1].position if self._piece else self._mark.position + self.events
        if line.head > last:
            raise InputError(f"the log ends at position {line.head}, but these lines at {last}")

    async def _store(self) -> None:
        if not self._piece and not self._piece_outcomes:
            return
        await self._log.bulk.load(self._piece, self._piece_outcomes, self._epoch)
        self.events += len(self._piece)
        self.outcomes += len(self._piece_outcomes)
        self._piece, self._piece_outcomes, self._bytes = [], [], 0
        self._told(self._mark.position + self.events)

    def _check_end(self, lines: int) -> None:
        if not lines:
            raise InputError("there is nothing to import: not one line")
        if not self._has_met:
            raise ImportRefusedError(f"the store has {self._mark.position} events, more than are in these lines")
        if self._is_whole and not self._ended:
            raise InputError(
                f"the lines end before the log does (at line {lines}): what there was is stored; "
                "import the whole file to go on with it"
            )
