"""Work for a log, a history of it kept outside, and the comparison of the two afterwards.

The history is what a client knows: what it tried, and what it was told. It is the only oracle.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import apsw

from twofold.event_store.outcome import Outcome, Status
from twofold.event_store.recorded_event import NewEvent, RecordedEvent
from twofold.event_store.store import Log
from twofold.event_store.write import ANY_VERSION, Appended, StreamWrite, Write, WriteResult

Line = dict[str, Any]


async def work(log: Log, rng: random.Random, note: Callable[[Line], None], client: str, rounds: int | None) -> None:
    """Append random batches, noting each before it is tried and after it was acknowledged."""
    for number in count() if rounds is None else range(rounds):
        batch = [random_write(rng, client) for _ in range(rng.randint(1, 4))]
        name = f"{client}-{number}-{rng.getrandbits(64):x}"
        note({"try": name, "writes": [tried(write) for write in batch]})
        results = await log.events.append(batch)
        note({"ack": name, "results": [told(result) for result in results]})


def random_write(rng: random.Random, client: str) -> Write:
    streams = rng.sample([f"{client}-{number}" for number in range(4)], k=rng.randint(0, 2))
    parts = [StreamWrite(stream, ANY_VERSION, random_events(rng)) for stream in streams]
    command = rng.randbytes(16)
    outcome = Outcome(
        message_id=command,
        command=rng.choice(["Open", "Move", "Close"]),
        status=Status.ACCEPTED,
        correlation_id=command,
        key=rng.choice([None, command.hex()]),
    )
    return Write(tuple(parts), outcome, command, command, b"{}")


def random_events(rng: random.Random) -> tuple[NewEvent, ...]:
    size = rng.choice([20, 20, 20, 600, 9000])
    return tuple(
        NewEvent(rng.choice(["Opened", "Moved"]), rng.randint(1, 3), rng.randbytes(size), rng.randbytes(16))
        for _ in range(rng.randint(1, 3))
    )


def tried(write: Write) -> Line:
    assert write.outcome is not None
    events = [[new.message_id.hex(), new.data.hex()] for part in write.streams for new in part.events]
    return {"command": write.outcome.message_id.hex(), "key": write.outcome.key, "events": events}


def told(result: WriteResult) -> list[int]:
    assert isinstance(result, Appended), result
    return [result.first, result.position]


async def whole_log(log: Log) -> list[RecordedEvent]:
    events: list[RecordedEvent] = []
    reached = 0
    while True:
        page = await log.events.read_log(reached)
        events += page.events
        reached = page.reached
        if page.at_head:
            return events


async def lost(log: Log, history: Iterable[Line]) -> list[str]:
    """The acknowledged commands that are not there. Fails when something is there by half, twice, or elsewhere."""
    stored = {event.message_id.hex(): event for event in await whole_log(log)}
    lines = list(history)
    acknowledged = {line["ack"]: line["results"] for line in lines if "ack" in line}
    gone: list[str] = []
    for line in lines:
        if "try" in line:
            answers = acknowledged.get(line["try"], [None] * len(line["writes"]))
            for write, answer in zip(line["writes"], answers, strict=True):
                if not await is_there(log, write, answer, stored) and answer is not None:
                    gone.append(write["command"])
    return gone


async def is_there(log: Log, write: Line, answer: list[int] | None, stored: dict[str, RecordedEvent]) -> bool:
    found = await log.outcomes.by_id(bytes.fromhex(write["command"]))
    events = [stored.get(message_id) for message_id, _ in write["events"]]
    if found is None:
        assert not any(events), f"{write['command']} has events without its outcome"
        return False
    assert found.outcome.key == write["key"]
    assert [event and event.data.hex() for event in events] == [data for _, data in write["events"]]
    positions = [event.position for event in events if event]
    assert positions == list(range(found.first, found.first + len(events))) if events else found.events == 0
    assert answer is None or answer == [found.first, found.position], "it stands where it was said to stand"
    return True


async def check_order(log: Log) -> None:
    """Streams are contiguous and contained in the log, and the file is sound by SQLite's own check."""
    events = await whole_log(log)
    streams: dict[str, list[RecordedEvent]] = defaultdict(list)
    for event in events:
        streams[event.stream].append(event)
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert [event.recorded_at for event in events] == sorted(event.recorded_at for event in events)
    for stream, expected in streams.items():
        assert [event.version for event in expected] == list(range(1, len(expected) + 1))
        assert await log.events.read_stream(stream, limit=10**6) == expected


def check_file(path: str) -> None:
    connection = apsw.Connection(path)
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
