"""`events verify` against planted faults."""

from collections.abc import Sequence

import msgspec
import pytest

from twofold.cli.log_check import LogCheck
from twofold.errors import UnknownTypeError
from twofold.event_store.recorded_event import RecordedEvent


class ShownLog:
    """A log that answers `read_stream` from the events it was given, however wrong they are."""

    def __init__(self, events: Sequence[RecordedEvent]) -> None:
        self.events = events
        self.asked = 0

    async def read_stream(
        self, stream: str, *, after: int = 0, up_to: int | None = None, limit: int = 1000, backwards: bool = False
    ) -> list[RecordedEvent]:
        self.asked += 1
        top = up_to if up_to is not None else 10**9
        found = [each for each in self.events if each.stream == stream and after < each.version <= top]
        return sorted(found, key=lambda each: each.version, reverse=backwards)[:limit]


def event(position: int, stream: str, version: int, **changes: object) -> RecordedEvent:
    number = position.to_bytes(16, "big")
    made = RecordedEvent(position, stream, version, "Happened", 1, b"{}", number, number, number, 1000 + position)
    return msgspec.structs.replace(made, **changes)


async def faults_in(events: Sequence[RecordedEvent], remembered: int = 100) -> list[tuple[int, str]]:
    check = LogCheck(ShownLog(events), None, remembered)  # type: ignore[arg-type]
    return [(each.position, fault) for each in events async for fault in check.faults_of(each)]


SOUND = [event(1, "A-1", 1), event(2, "B-1", 1), event(3, "A-1", 2), event(7, "B-1", 2), event(8, "A-1", 3)]


@pytest.mark.parametrize("remembered", [1, 100])
async def test_a_sound_log_has_no_fault_however_few_streams_are_remembered(remembered: int) -> None:
    assert await faults_in(SOUND, remembered) == []


@pytest.mark.parametrize("remembered", [1, 100])
async def test_a_gap_in_a_stream_is_found(remembered: int) -> None:
    events = [event(1, "A-1", 1), event(2, "B-1", 1), event(3, "A-1", 3)]

    assert await faults_in(events, remembered) == [(3, "has version 3 after version 1")]


@pytest.mark.parametrize("remembered", [1, 100])
async def test_a_fork_of_a_stream_is_found(remembered: int) -> None:
    events = [event(1, "A-1", 1), event(2, "B-1", 1), event(3, "A-1", 1)]

    assert await faults_in(events, remembered) == [(3, "has version 1 after version 1")]


async def test_a_stream_that_does_not_begin_at_1_is_found() -> None:
    assert await faults_in([event(1, "A-1", 2)]) == [(1, "has version 2 after version 0")]


async def test_a_position_out_of_order_is_found() -> None:
    assert (2, "stands behind position 5") in await faults_in([event(5, "A-1", 1), event(2, "B-1", 1)])


async def test_a_time_that_goes_backwards_is_found() -> None:
    faults = await faults_in([event(1, "A-1", 1), event(2, "A-1", 2, recorded_at=3)])

    assert faults == [(2, "was recorded before the event that stands before it")]


async def test_data_that_is_no_json_is_found() -> None:
    (fault,) = await faults_in([event(1, "A-1", 1, data=b"{")])

    assert fault[1].startswith("cannot be decoded: ")


async def test_data_that_the_app_does_not_know_is_found() -> None:
    def decode(name: str, version: int, data: bytes) -> object:
        raise UnknownTypeError(f"no event is called {name!r}")

    check = LogCheck(ShownLog(SOUND), decode)  # type: ignore[arg-type]

    assert [fault async for fault in check.faults_of(SOUND[0])] == ["cannot be decoded: no event is called 'Happened'"]


async def test_memory_is_bounded_by_the_streams_remembered() -> None:
    events = [event(number, f"A-{number}", 1) for number in range(1, 51)]
    check = LogCheck(ShownLog(events), None, 10)  # type: ignore[arg-type]
    for each in events:
        assert [fault async for fault in check.faults_of(each)] == []

    assert len(check._versions) == 10
