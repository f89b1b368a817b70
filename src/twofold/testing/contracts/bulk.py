"""The contract of Bulk: a log that was loaded from another is that log."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from twofold.errors import InputError
from twofold.event_store.outcome import Outcome, RecordedOutcome, Status
from twofold.event_store.recorded_event import NO_CHECK, RecordedEvent, check_of
from twofold.event_store.store import Log
from twofold.event_store.write import Conflicted, Replayed
from twofold.testing.contracts.capabilities import LogBackend
from twofold.testing.contracts.writes import (
    CAUSE,
    CORRELATION,
    ORIGIN,
    append,
    new_id,
    new_stream,
    outcome,
    part,
    write,
)

EPOCH = "0123456789abcdef0123456789abcdef"
LONG = 1032
TEXTS = ("", "ä", "snowman \u2603 𝄞", "line\nbreak", "quote'\"", "tab\t\\n\\N")


def recorded(stream: str, version: int, position: int, recorded_at: int = 0) -> RecordedEvent:
    """An event as another log holds it; odd ones have everything of their own."""
    plain = position % 2 == 0
    return RecordedEvent(
        position,
        stream,
        version,
        "Happened" if plain else f"Happened{position % 5}",
        1 if plain else 1 + position % 3,
        b"{}" if plain else f'{{ "n": {position}}}'.encode(),
        new_id(),
        CAUSE,
        CAUSE if plain else CORRELATION,
        recorded_at or 1_000_000 + position // 3,
        b"{}" if plain else ORIGIN,
    )


def history(*lengths: int) -> list[RecordedEvent]:
    """Streams of these lengths, taking turns."""
    streams = [new_stream() for _ in lengths]
    turns = [
        (name, turn)
        for turn in range(1, max(lengths) + 1)
        for name, last in zip(streams, lengths, strict=True)
        if turn <= last
    ]
    return [recorded(name, version, position) for position, (name, version) in enumerate(turns, 1)]


def outcomes_of(events: list[RecordedEvent]) -> list[RecordedOutcome]:
    """One outcome an event, and a refusal behind every third; numbers with holes, as expiry leaves them."""
    found: list[RecordedOutcome] = []
    for event in events:
        number, text = 3 * event.position, TEXTS[event.position % len(TEXTS)]
        given = outcome(
            stream=event.stream, decided_on=event.version - 1, key=f"{text}{number}", scope=text,
            payload_hash=new_id(), duration=number,
        )  # fmt: skip
        plain = outcome(stream=event.stream, decided_on=event.version - 1) if event.position % 2 else given
        found.append(_recorded_outcome(plain, number, event, 1))
        if event.position % 3 == 0:
            no = outcome(
                status=Status.REJECTED,
                code="no",
                message=text,
                details=b'{"a": 1}',
                origin=ORIGIN,
                decided_on=event.version,
            )
            found.append(_recorded_outcome(no, number + 1, event, 0))
    return found


def _recorded_outcome(given: Outcome, number: int, event: RecordedEvent, events: int) -> RecordedOutcome:
    return RecordedOutcome(
        number=number, outcome=given, position=event.position, first=event.position if events else 0, events=events,
        version=event.version, recorded_at=event.recorded_at, check=check_of(event.message_id),
    )  # fmt: skip


async def everything(log: Log) -> tuple[list[RecordedEvent], list[RecordedOutcome]]:
    """All that a log holds."""
    events: list[RecordedEvent] = []
    while True:
        page = await log.events.read_log(len(events))
        events += page.events
        if page.at_head:
            return events, await log.bulk.outcomes(0, 100_000)


class BulkContract:
    """What is loaded is there as it was."""

    async def test_what_is_loaded_is_read_as_it_was(self, log: Log) -> None:
        events = history(LONG, 3, 1)
        outcomes = outcomes_of(events)

        await log.bulk.load(events, outcomes)

        assert await everything(log) == (events, outcomes)

    async def test_it_may_come_in_pieces_of_any_size(self, log: Log) -> None:
        events = history(LONG, 129, 2)
        outcomes = outcomes_of(events)

        begin = 0
        for end in (1, 2, 100, 101, 355, len(events)):
            piece = events[begin:end]
            await log.bulk.load(piece, [each for each in outcomes if begin < each.position <= end])
            begin = end

        assert await everything(log) == (events, outcomes)

    async def test_streams_are_read_by_themselves_too(self, log: Log) -> None:
        events = history(LONG, 3)

        await log.bulk.load(events[:200], [])
        await log.bulk.load(events[200:], [])

        for stream in {event.stream for event in events}:
            expected = [event for event in events if event.stream == stream]
            assert await log.events.read_stream(stream, limit=2 * LONG) == expected
            assert await log.events.read_stream(stream, backwards=True, limit=2) == expected[::-1][:2]

    async def test_appends_go_on_behind_it(self, log: Log) -> None:
        events = history(LONG)
        stream = events[0].stream
        await log.bulk.load(events, outcomes_of(events))

        (appended,) = await append(log.events, write(part(stream, LONG), outcome=outcome()))

        assert (appended.first, appended.versions) == (LONG + 1, (LONG + 1,))
        (last,) = await log.bulk.outcomes(3 * LONG + 1, 10)
        assert last.number > 3 * LONG
        (event,) = await log.events.read_stream(stream, after=LONG)
        assert event.recorded_at >= events[-1].recorded_at

    async def test_it_goes_on_behind_what_was_appended(self, log: Log) -> None:
        stream = new_stream()
        await append(log.events, write(part(stream, 0, 2), outcome=outcome()))
        head, (first,) = await log.events.read_stream(stream), await log.bulk.outcomes(0, 10)
        more = [recorded(stream, 3, 3, head[-1].recorded_at), recorded(new_stream(), 1, 4, head[-1].recorded_at + 5)]
        outcomes = [replace(each, number=each.number + first.number) for each in outcomes_of(more)]

        await log.bulk.load(more, outcomes)

        assert await everything(log) == ([*head, *more], [first, *outcomes])

    async def test_its_versions_are_checked_by_later_writes(self, log: Log) -> None:
        events = history(5)
        await log.bulk.load(events, [])

        (result,) = await log.events.append([write(part(events[0].stream, 4))])

        assert result == Conflicted(events[0].stream, 4, 5)

    async def test_its_keys_and_ids_make_later_commands_replays(self, log: Log) -> None:
        events = history(4)
        outcomes = outcomes_of(events)
        await log.bulk.load(events, outcomes)

        keyed = next(each for each in outcomes if each.outcome.key is not None)
        again = replace(keyed.outcome, message_id=new_id())
        results = await log.events.append([write(outcome=again), write(outcome=outcomes[0].outcome)])

        assert results == [Replayed(keyed), Replayed(outcomes[0])]

    async def test_outcomes_without_events_may_be_loaded_alone(self, log: Log) -> None:
        no = RecordedOutcome(
            number=7, outcome=outcome(status=Status.REJECTED, code="no"), position=0, first=0, events=0, version=0,
            recorded_at=5, check=NO_CHECK,
        )  # fmt: skip

        await log.bulk.load([], [no])

        assert await everything(log) == ([], [no])

    async def test_nothing_may_be_loaded(self, log: Log) -> None:
        await log.bulk.load([], [])

        assert await everything(log) == ([], [])

    async def test_whoever_waits_for_the_log_is_woken(self, log: Log) -> None:
        await log.bulk.load(history(1), [])

        assert await log.events.wait(0, 5.0)

    async def test_outcomes_are_read_by_rising_number(self, log: Log) -> None:
        events = history(6)
        outcomes = outcomes_of(events)
        await log.bulk.load(events, outcomes)

        assert await log.bulk.outcomes(0, 3) == outcomes[:3]
        assert await log.bulk.outcomes(outcomes[2].number, 2) == outcomes[3:5]
        assert await log.bulk.outcomes(outcomes[-1].number, 2) == []

    async def test_what_was_loaded_survives_closing(self, log_backend: LogBackend) -> None:
        if not log_backend.capabilities.durable:
            return
        events = history(130)
        outcomes = outcomes_of(events)
        log = await log_backend.open()
        await log.bulk.load(events, outcomes, EPOCH)
        await log.close()

        log = await log_backend.open()

        assert await everything(log) == (events, outcomes)
        assert log.events.epoch == EPOCH
        await log.close()


class LoadedEpochContract:
    """An empty log may become another; a log with a history may not."""

    async def test_an_empty_log_becomes_the_one_it_is_loaded_from(self, log: Log) -> None:
        events = history(2)

        await log.bulk.load(events, [], EPOCH)

        mark = await log.events.mark()
        assert (mark.epoch, mark.position, mark.check) == (EPOCH, 2, check_of(events[-1].message_id))

    async def test_without_an_epoch_it_stays_the_one_it_is(self, log: Log) -> None:
        before = log.events.epoch

        await log.bulk.load(history(2), [])

        assert log.events.epoch == before

    async def test_the_same_epoch_may_go_on(self, log: Log) -> None:
        events = history(4)
        await log.bulk.load(events[:2], [], EPOCH)

        await log.bulk.load(events[2:], [], EPOCH)

        assert (await everything(log))[0] == events

    async def test_a_log_with_events_refuses_another_epoch(self, log: Log) -> None:
        events = history(4)
        await log.bulk.load(events[:2], [])
        before = log.events.epoch

        with pytest.raises(InputError, match="cannot become the log of"):
            await log.bulk.load(events[2:], [], EPOCH)

        assert (await everything(log), log.events.epoch) == ((events[:2], []), before)


class RefusedLoadContract:
    """What does not go on from where the log ends is refused, and nothing of it is stored."""

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"position": 9}, "cannot stand at 4"),
            ({"position": 3}, "cannot stand at 4"),
            ({"version": 3}, "needs 4 next"),
            ({"version": 5}, "needs 4 next"),
            ({"stream": "thing-other"}, "needs 1 next"),
            ({"recorded_at": 1}, "before the event in front of it"),
        ],
    )
    async def test_an_event_out_of_its_place_is_refused(self, log: Log, change: dict[str, object], fault: str) -> None:
        events = history(6)
        await log.bulk.load(events[:2], [])

        with pytest.raises(InputError, match=fault):
            await log.bulk.load([events[2], replace(events[3], **change), *events[4:]], outcomes_of(events[2:]), None)

        assert await everything(log) == (events[:2], [])
        await log.bulk.load(events[2:], [])
        assert (await everything(log))[0] == events

    async def test_what_is_there_already_is_refused(self, log: Log) -> None:
        events = history(2)
        await log.bulk.load(events, [])

        with pytest.raises(InputError):
            await log.bulk.load(events, [])

    async def test_an_outcome_that_does_not_go_on_is_refused(self, log: Log) -> None:
        events = history(4)
        first, second = outcomes_of(events)[:2]
        await log.bulk.load(events[:1], [first])

        wrong = [
            replace(second, number=first.number),
            replace(second, position=3),
            replace(second, outcome=first.outcome),
        ]
        for each in wrong:
            with pytest.raises(InputError):
                await log.bulk.load(events[1:2], [each])

        assert await everything(log) == (events[:1], [first])

    async def test_a_key_that_is_known_is_refused(self, log: Log) -> None:
        events = history(4)
        outcomes = outcomes_of(events)
        keyed = [each for each in outcomes if each.outcome.key is not None]
        await log.bulk.load(events, [keyed[0]])
        twin = replace(
            keyed[1], outcome=replace(keyed[1].outcome, key=keyed[0].outcome.key, scope=keyed[0].outcome.scope)
        )

        with pytest.raises(InputError):
            await log.bulk.load([], [twin])

        assert (await everything(log))[1] == [keyed[0]]

    async def test_an_id_or_a_key_that_comes_twice_is_refused(self, log: Log) -> None:
        events = history(2)
        first, second = outcomes_of(events)

        for twin in (first.outcome, replace(second.outcome, message_id=first.outcome.message_id)):
            with pytest.raises(InputError):
                await log.bulk.load(events, [first, replace(second, outcome=twin)])

        assert await everything(log) == ([], [])
