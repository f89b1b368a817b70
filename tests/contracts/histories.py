"""What random histories are made of: streams, events, outcomes, filters, and batches that mostly fit."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from twofold.event_store.outcome import Outcome, Status
from twofold.event_store.recorded_event import NewEvent
from twofold.event_store.store import LogFilter
from twofold.event_store.write import ANY_VERSION, StreamWrite, Write
from twofold.testing.contracts.writes import CAUSE, CORRELATION, ORIGIN, new_id

STREAMS = ["a-1", "a-2", "b-1"]
KINDS = ["Opened", "Moved", "Closed"]
COMMANDS = ["Open", "Close"]
KNOWN_IDS = [bytes([number]) * 16 for number in range(4)]

numbers = st.just(0) | st.integers(0, 6) | st.integers(0, 300)
optional_number = st.none() | numbers
limits = st.integers(1, 4) | st.integers(1, 300)
counts = st.integers(0, 3) | st.sampled_from([1, 60, 127, 128, 129])
filters = st.builds(
    LogFilter,
    types=st.none() | st.frozensets(st.sampled_from([*KINDS, "Unheard"])),
    categories=st.none() | st.frozensets(st.sampled_from(["a", "b", "c"])),
    slices=st.none() | st.tuples(st.integers(0, 512), st.integers(512, 1024)),
)
events = st.builds(
    NewEvent,
    type=st.sampled_from(KINDS),
    schema_version=st.integers(1, 2),
    data=st.sampled_from([b"{}", b'{"x":1}', b" " * 300]),
    message_id=st.builds(new_id),
)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome | None:
    """None, a plain one, one with a key, a rejection; often one that came before."""
    if draw(st.booleans()):
        return None
    key = draw(st.none() | st.sampled_from(["k1", "k2", "k3"]))
    code = draw(st.none() | st.just("no"))
    return Outcome(
        message_id=draw(st.sampled_from(KNOWN_IDS) | st.builds(new_id)),
        command=draw(st.sampled_from(COMMANDS)),
        status=Status.REJECTED if code else Status.ACCEPTED,
        correlation_id=CORRELATION,
        stream=draw(st.none() | st.sampled_from(STREAMS)),
        decided_on=draw(st.integers(0, 5)),
        key=key,
        scope=draw(st.sampled_from(["", "acme"])) if key else "",
        payload_hash=draw(st.sampled_from([b"p" * 16, b"q" * 16])) if key else b"",
        code=code,
        message=code,
        duration=draw(st.integers(0, 9)),
    )


@st.composite
def batches(draw: st.DrawFn, versions: Callable[[str], int]) -> list[Write]:
    """Up to five writes. Versions are usually right; a few writes break the rules of the port."""
    growth: dict[str, int] = {}
    writes: list[Write] = []
    for place in range(draw(st.integers(1, 5))):
        streams = draw(st.lists(st.sampled_from(STREAMS), max_size=2, unique=draw(st.integers(0, 20)) > 0))
        parts = [draw(_parts(stream, versions(stream) + growth.get(stream, 0))) for stream in streams]
        growth.update({part.stream: growth.get(part.stream, 0) + len(part.events) for part in parts})
        low, high = (-1, place + 1) if draw(st.integers(0, 30)) == 0 else (0, place - 1)
        builds_on = draw(st.lists(st.integers(low, high), max_size=2)) if low <= high else []
        recorded_at = draw(st.none() | st.integers(0, 10**16))
        given = (
            draw(outcomes()),
            CAUSE,
            draw(st.sampled_from([CAUSE, CORRELATION])),
            draw(st.sampled_from([b"{}", ORIGIN])),
        )
        writes.append(Write(tuple(parts), *given, builds_on=tuple(builds_on), recorded_at=recorded_at))
    return writes


@st.composite
def _parts(draw: st.DrawFn, stream: str, right: int) -> StreamWrite:
    expected = draw(st.sampled_from([right, right, right, ANY_VERSION, 0]) | st.integers(0, 5))
    count = draw(counts)
    chosen = draw(st.lists(events, min_size=min(count, 3), max_size=min(count, 3)))
    more = [NewEvent("Moved", 1, b"{}", new_id()) for _ in range(count - len(chosen))]
    return StreamWrite(stream, expected, (*chosen, *more))
