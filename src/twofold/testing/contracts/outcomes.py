"""The contract of Outcomes: what came of each command."""

from __future__ import annotations

import pytest

from twofold.event_store.outcome import Outcome, RecordedOutcome, Status
from twofold.event_store.store import EventStore, Outcomes
from twofold.event_store.write import ANY_VERSION, Appended
from twofold.testing.clock import ManualClock
from twofold.testing.contracts.writes import append, append_to, new_id, new_stream, outcome, part, write


async def recorded(outcomes: Outcomes, message_id: bytes) -> RecordedOutcome:
    """The outcome that has to be there."""
    found = await outcomes.by_id(message_id)
    assert found is not None
    return found


class OutcomeContract:
    """An outcome is stored with its write, and found by its key, its id, or in its order."""

    @pytest.mark.parametrize(
        "given",
        [
            outcome(),
            outcome(correlation_id=b"c" * 16, origin=b'{"actor":"ada","tenant":"acme"}', duration=1234),
            outcome(key="k-1", scope="acme/ada", payload_hash=b"h" * 16),
            outcome(status=Status.REJECTED, code="no-money", message="Not enough", details=b'{"missing":1}'),
            outcome(key="k-2", status=Status.REJECTED, code="no", stream="thing-gone"),
            outcome(decided_on=7),
        ],
        ids=["plain", "with origin", "with key", "rejected", "rejected with key", "decided on nothing"],
    )
    async def test_an_outcome_is_read_as_it_was_given(
        self, event_store: EventStore, outcomes: Outcomes, given: Outcome
    ) -> None:
        await append(event_store, write(outcome=given))

        assert (await recorded(outcomes, given.message_id)).outcome == given

    async def test_an_outcome_says_where_its_events_are(self, event_store: EventStore, outcomes: Outcomes) -> None:
        stream = new_stream()
        await append_to(event_store, stream, 2)
        given = outcome(stream=stream, decided_on=2)

        (result,) = await append(event_store, write(part(stream, 2, 3), outcome=given))

        found = await recorded(outcomes, given.message_id)
        assert (found.first, found.position, found.events) == (result.first, result.position, 3)
        assert (found.version, found.outcome.decided_on) == (5, 2)
        assert (found.recorded_at, found.check) == (result.recorded_at, result.check)

    async def test_an_outcome_without_events_stands_at_the_head(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        stream = new_stream()
        await append_to(event_store, stream, 2)
        head = await event_store.mark()
        given = outcome(status=Status.REJECTED, code="no", stream=stream, decided_on=2)

        await append(event_store, write(part(stream, 2, 0), outcome=given))

        found = await recorded(outcomes, given.message_id)
        assert (found.first, found.position, found.events, found.version) == (0, head.position, 0, 2)
        assert found.check == head.check

    async def test_decided_on_is_the_version_before_the_events_also_at_any_version(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        stream, given = new_stream(), outcome()
        await append_to(event_store, stream, 4)

        await append(event_store, write(part(stream, ANY_VERSION, 2), outcome=given))

        found = await recorded(outcomes, given.message_id)
        assert (found.version, found.outcome.decided_on) == (6, 4)

    async def test_an_outcome_over_several_streams_counts_from_what_it_was_decided_on(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        given = outcome(decided_on=10)

        await append(event_store, write(part(new_stream(), 0, 2), part(new_stream(), 0, 1), outcome=given))

        found = await recorded(outcomes, given.message_id)
        assert (found.version, found.outcome.decided_on, found.events) == (13, 10, 3)

    async def test_an_outcome_is_found_by_its_key_in_its_scope(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        key = new_id().hex()
        acme, evil = outcome(key=key, scope="acme"), outcome(key=key, scope="evil")
        await append(event_store, write(outcome=acme), write(outcome=evil))

        assert await outcomes.by_key("acme", key) == await recorded(outcomes, acme.message_id)
        assert await outcomes.by_key("evil", key) == await recorded(outcomes, evil.message_id)
        assert await outcomes.by_key("", key) is None
        assert await outcomes.by_key("acme", key + "x") is None
        assert await outcomes.by_id(new_id()) is None

    async def test_a_write_without_outcome_leaves_none(self, event_store: EventStore, outcomes: Outcomes) -> None:
        await append_to(event_store, new_stream(), 1)

        assert await outcomes.recent() == []

    async def test_an_outcome_stands_still_when_its_stream_moves_on(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        stream, given = new_stream(), outcome()
        await append(event_store, write(part(stream, 0), outcome=given))
        before = await recorded(outcomes, given.message_id)

        await append_to(event_store, stream, 3, after=1)

        assert await recorded(outcomes, given.message_id) == before


class RecentOutcomesContract:
    """The log of commands is read newest first."""

    async def test_recent_outcomes_come_newest_first(self, event_store: EventStore, outcomes: Outcomes) -> None:
        given = [outcome() for _ in range(5)]
        await append(event_store, *[write(outcome=one) for one in given])

        found = await outcomes.recent()

        assert [at.outcome for at in found] == given[::-1]
        assert [at.number for at in found] == sorted({at.number for at in found}, reverse=True)

    async def test_page_after_page_is_the_whole_log_of_commands(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        await append(event_store, *[write(outcome=outcome()) for _ in range(5)])

        pages = [await outcomes.recent(limit=2)]
        while pages[-1]:
            pages.append(await outcomes.recent(before=pages[-1][-1].number, limit=2))

        assert [len(page) for page in pages] == [2, 2, 1, 0]
        assert [at for page in pages for at in page] == await outcomes.recent()

    async def test_recent_outcomes_are_filtered_by_status_and_command(
        self, event_store: EventStore, outcomes: Outcomes
    ) -> None:
        for command in ("Open", "Close"):
            for status in (Status.ACCEPTED, Status.REJECTED):
                await append(event_store, write(outcome=outcome(command=command, status=status, code="c")))

        rejected = await outcomes.recent(status=Status.REJECTED)
        opened = await outcomes.recent(command="Open")
        both = await outcomes.recent(status=Status.ACCEPTED, command="Close", limit=9)

        assert [at.outcome.command for at in rejected] == ["Close", "Open"]
        assert [at.outcome.status for at in opened] == [Status.REJECTED, Status.ACCEPTED]
        assert [(at.outcome.command, at.outcome.status) for at in both] == [("Close", Status.ACCEPTED)]
        assert await outcomes.recent(command="Unheard") == []


class ExpiryContract:
    """Old outcomes are forgotten by policy; events never are."""

    async def test_only_outcomes_recorded_before_the_time_are_forgotten(
        self, event_store: EventStore, outcomes: Outcomes, clock: ManualClock
    ) -> None:
        old, young = outcome(key="old"), outcome(key="young")
        await append(event_store, write(part(new_stream(), 0), outcome=old))
        clock.advance(60)
        await append(event_store, write(outcome=young))

        forgotten = await outcomes.expire(clock.now_micros(), limit=10)

        assert forgotten == 1
        assert (await outcomes.by_id(old.message_id), await outcomes.by_key("", "old")) == (None, None)
        assert await outcomes.by_key("", "young") is not None
        assert len((await event_store.read_log(0)).events) == 1

    async def test_the_oldest_are_forgotten_first_and_no_more_than_the_limit(
        self, event_store: EventStore, outcomes: Outcomes, clock: ManualClock
    ) -> None:
        given = [outcome() for _ in range(5)]
        await append(event_store, *[write(outcome=one) for one in given])
        clock.advance(60)

        counts = [await outcomes.expire(clock.now_micros(), limit=2)]
        left = await outcomes.recent()
        counts += [await outcomes.expire(clock.now_micros(), limit=2) for _ in range(3)]

        assert [at.outcome for at in left] == given[:1:-1]
        assert counts == [2, 2, 1, 0]

    async def test_a_forgotten_key_and_message_id_are_as_good_as_new(
        self, event_store: EventStore, outcomes: Outcomes, clock: ManualClock
    ) -> None:
        given = outcome(key="again")
        await append(event_store, write(outcome=given))
        clock.advance(60)
        await outcomes.expire(clock.now_micros(), limit=10)

        (result,) = await event_store.append([write(outcome=given)])

        assert isinstance(result, Appended)
        assert await outcomes.by_key("", "again") is not None
