"""What is in the log before anything is timed."""

from __future__ import annotations

from collections.abc import Iterator

from bench.store import EVENT
from twofold import OpenApp
from twofold.clock import Ids, SystemClock
from twofold.event_store.outcome import Outcome, RecordedOutcome
from twofold.event_store.recorded_event import NewEvent, RecordedEvent, check_of
from twofold.event_store.write import StreamWrite, Write

BATCH = 10_000
RUN = 10
"""Events of a stream that stand one after another."""


def writes(events: int, streams: int, prefix: str, batch: int = BATCH) -> Iterator[list[Write]]:
    """Writes of ten events each without outcomes, over *streams* new streams in turn, *batch* events at a time."""
    ids = Ids(SystemClock())
    command = ids.next()
    for begin in range(0, events // RUN, batch // RUN):
        made = []
        for place in range(begin, begin + batch // RUN):
            new = tuple([NewEvent("MoneyDeposited", 1, EVENT, ids.next()) for _ in range(RUN)])
            part = StreamWrite(f"Account-{prefix}{place % streams}", place // streams * RUN, new)
            made.append(Write((part,), None, command, command, b"{}"))
        yield made


def recorded(after: int, events: int, streams: int, prefix: str, batch: int = BATCH) -> Iterator[list[RecordedEvent]]:
    """The same events as a log that ended at position *after* would have recorded them next."""
    clock = SystemClock()
    ids = Ids(clock)
    command = ids.next()
    for begin in range(0, events, batch):
        now = clock.now_micros()
        made = []
        for n in range(begin, begin + batch):
            run, place = divmod(n, RUN)
            stream, version = f"Account-{prefix}{run % streams}", run // streams * RUN + place + 1
            made.append(
                RecordedEvent(
                    after + n + 1, stream, version, "MoneyDeposited", 1, EVENT, ids.next(), command, command, now
                )
            )
        yield made


def outcome_of(event: RecordedEvent) -> RecordedOutcome:
    """The outcome of the keyed command that *event* came from. Keys come in no order, as callers' do."""
    key = f"{hash((event.position, 'key')) & 0xFFFFFFFFFFFFFFFF:016x}"
    outcome = Outcome(
        message_id=event.message_id, command="Deposit", status=1, correlation_id=event.correlation_id,
        stream=event.stream, decided_on=event.version - 1, key=key, payload_hash=event.message_id,
    )  # fmt: skip
    return RecordedOutcome(
        number=event.position, outcome=outcome, position=event.position, first=event.position, events=1,
        version=event.version, recorded_at=event.recorded_at, check=check_of(event.message_id),
    )  # fmt: skip


async def fill(bank: OpenApp, events: int, streams: int, prefix: str = "h", *, outcomes: bool = False) -> None:
    """Give the log *events* more, through its fastest door, with an outcome each when asked to."""
    after = (await bank.log.events.mark()).position
    for batch in recorded(after, events, streams, prefix):
        await bank.log.bulk.load(batch, [outcome_of(event) for event in batch] if outcomes else [])
